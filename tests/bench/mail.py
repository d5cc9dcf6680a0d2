"""Mail as people write it, as far as its shape goes: words, HTML, attachments. It is nobody's, and always the same."""

import base64
import random
from collections.abc import Iterator

from tests.support.smtp_client import dot_stuffed

WORDS = """we you they this that with from have been will can about after before order invoice meeting report price
offer delivery contract customer project quarter budget schedule please attached thank confirm office phone address
monday friday january deadline version document server account payment team review update support bank""".split()  # noqa: SIM905
SENDERS = 500
ATTACHED_FROM = 60_000
"""Octets: a smaller message is text and HTML only."""
DISTINCT_BYTES = 100_000_000
"""Of bodies in memory; there are as many different ones as fit, 400 at most."""


def bodies(size: int) -> list[bytes]:
    """Messages of about `size` octets without From and Message-ID, dot-stuffed, with their end marks."""
    dice = random.Random(size)
    return [dot_stuffed(_message(dice, size)) + b".\r\n" for _ in range(max(1, min(400, DISTINCT_BYTES // size)))]


def another(body: bytes, number: int, run: str) -> bytes:
    """One of `bodies` with a subject of its own, so that nobody has read it before."""
    return b"Subject: %b %d " % (run.encode(), number) + body.removeprefix(b"Subject: ")


def head(number: int, run: str) -> tuple[bytes, bytes, bytes]:
    """Sender, recipient and the first lines of a message; no two of a run are alike."""
    sender = b"user%d@customer.example" % (number % SENDERS)
    lines = b"From: <%b>\r\nMessage-ID: <%d.%b@customer.example>\r\n" % (sender, number, run.encode())
    return sender, b"friend%d@peer%d.example" % (number % 5000, number % 50), lines


def _message(dice: random.Random, size: int) -> bytes:
    attached, words = size >= ATTACHED_FROM, min(size, 8_000) * 35 // 100
    text = "\r\n".join(_lines(dice, words))
    rows = "\r\n".join(f"<tr><td class='c1'><p>{line}</p></td></tr>" for line in _lines(dice, words))
    parts = [
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n",
        f"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body><table>{rows}</table></body></html>\r\n",
    ]
    if attached:
        octets = base64.encodebytes(dice.randbytes((size - 9_000) * 74 // 100)).replace(b"\n", b"\r\n").decode()
        kind = 'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="report.pdf"'
        parts.append(f"{kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{octets}")
    edge = f"edge{dice.getrandbits(64):016x}"
    subject = " ".join(dice.choices(WORDS, k=5))
    kind = "mixed" if attached else "alternative"
    top = f'Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary="{edge}"\r\n\r\n'
    return (top + "".join(f"--{edge}\r\n{part}" for part in parts) + f"--{edge}--\r\n").encode()


def _lines(dice: random.Random, size: int) -> Iterator[str]:
    while size > 0:
        line = " ".join(dice.choices(WORDS, k=dice.randint(6, 12))).capitalize() + "."
        if dice.random() < 0.1:
            line += f" https://www.{dice.choice(WORDS)}.example/{dice.randint(1, 10**6)}"
        size -= len(line) + 2
        yield line
