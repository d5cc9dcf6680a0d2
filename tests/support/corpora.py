"""Real mail from the folder of corpora, made ready for SMTP."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

LINE_END = re.compile(rb"\r\n|\r|\n")


def sample(folder: Path, count: int) -> list[bytes]:
    """`count` messages, every n-th of all files in the order of their names: the same ones each time.

    Line ends become CRLF (SMTP knows no other, RFC 5321 section 2.3.8); nothing else is changed.
    """
    files = sorted((folder / "train").glob("*.jsonl.gz"))
    total = sum(1 for path in files for _ in _lines(path))
    chosen = {number * total // count for number in range(count)}
    numbered = enumerate(line for path in files for line in _lines(path))
    return [_message(line) for number, line in numbered if number in chosen]


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        yield from file


def _message(line: bytes) -> bytes:
    record = json.loads(line)
    raw: bytes = record["raw"].encode("latin-1")
    if record["form"] == "subject+body":  # the blank line between Subject and body is missing there
        raw = raw.replace(b"\n", b"\n\n", 1)
    content = LINE_END.sub(b"\r\n", raw)
    return content if content.endswith(b"\r\n") else content + b"\r\n"
