"""SMTP conversations as text: what the client says, what the server must answer.

    # a comment
    config: mode = "before-queue"          one line of TOML; `[table]` headers may precede keys as in a file
    sink: RCPT nobody 550 5.1.1 No such user
    blocked: ann@example.org               the account is blocked, exempt, or (login) known by a queue id
    login: 3QID ann@example.org
    hold: yes                              there is room for held mail
    C: EHLO pc.example                     a line of the client; \\r \\n \\0 \\xNN are octets, no CRLF is added after \\
    C* 30 x                                the line thirty times
    S: 250-...                             one line of a reply, `...` stands for anything
    S: (closed)
    sunk: Subject: hello                   afterwards: a line that the next hop got, or `sunk: (nothing)`
"""

import asyncio
import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.ports import PATIENCE


@dataclass(slots=True)
class Dialog:
    """A parsed file."""

    config: list[str] = field(default_factory=list)
    setup: list[tuple[str, str]] = field(default_factory=list)
    turns: list[tuple[str, str]] = field(default_factory=list)
    sunk: list[str] = field(default_factory=list)


def read(path: Path) -> Dialog:
    """Raises `ValueError` for a line that is none of the above."""
    dialog = Dialog()
    for line in path.read_text("utf-8").splitlines():
        key, colon, text = line.partition(":")
        text = text.removeprefix(" ")
        if not line.strip() or line.startswith("#"):
            continue
        if match := re.fullmatch(r"C\* (\d+) (.*)", line):
            dialog.turns += [("C", match[2])] * int(match[1])
        elif not colon:
            raise ValueError(f"{path.name}: {line}")
        elif key == "config":
            dialog.config.append(text)
        elif key in ("C", "S"):
            dialog.turns.append((key, text))
        elif key == "sunk":
            dialog.sunk.append(text)
        else:
            dialog.setup.append((key, text))
    return dialog


async def play(dialog: Dialog, port: int) -> None:
    """Talk to the server; an `AssertionError` tells which answer was another."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for number, (who, text) in enumerate(dialog.turns, 1):
            if who == "C":
                writer.write(_octets(text))
                continue
            line = await asyncio.wait_for(reader.readline(), PATIENCE)
            heard = line.decode("utf-8", "replace").rstrip("\r\n") if line else "(closed)"
            pattern = re.escape(text).replace(r"\.\.\.", ".*")
            assert re.fullmatch(pattern, heard), f"turn {number}: expected {text!r}, heard {heard!r}"
    finally:
        writer.close()
        await writer.wait_closed()


def _octets(text: str) -> bytes:
    if "\\" not in text:
        return text.encode() + b"\r\n"
    return codecs.escape_decode(text.encode())[0]
