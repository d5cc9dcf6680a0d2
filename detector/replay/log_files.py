"""Log files as they lie in /var/log: rotated, some of them compressed, named in any order.

Other records are opened in the same way, plain or gzip.
"""

import gzip
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from detector.replay.stamps import Calendar

GZIP = b"\x1f\x8b"  # RFC 1952 section 2.3.1
LINE_BYTES = 65_536  # what is longer is no line of a log, and must not fill the memory
LINES_TRIED = 100
TELL_EVERY = 8192  # lines

Line = tuple[bytes, Calendar]


class NoLog(Exception):
    """A file cannot be read, or not as a log; the text says why."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file (empty path: standard input), when it was last written, and its first time stamp, in Unix seconds."""

    path: str
    size_bytes: int
    written_at: float
    begins_at: float


def in_order(names: Iterable[str]) -> list[LogFile]:
    """The files sorted by their first time stamps; empty ones are left out. Raises `NoLog`."""
    found = [log for name in names if (log := _examine(name)) is not None]
    return sorted(found, key=lambda log: log.begins_at)


def read_lines(logs: Iterable[LogFile], advance: Callable[[int], object]) -> Iterator[Line]:
    """The lines of all files. `advance` is told now and then how many more octets on disk are behind us.

    Raises `NoLog` when a file cannot be read to its end.
    """
    for log in logs:
        calendar, told = Calendar(log.written_at), 0
        with unpacked(log.path) as (raw, content):
            # A bound for each line, which iteration over a file does not know.
            for number, line in enumerate(iter(lambda: content.readline(LINE_BYTES), b""), 1):
                yield line, calendar
                if number % TELL_EVERY == 0 and log.path:
                    advance(raw.tell() - told)
                    told = raw.tell()
        advance(log.size_bytes - told)


def _examine(name: str) -> LogFile | None:
    if name == "-":
        return LogFile("", 0, os.fstat(sys.stdin.fileno()).st_mtime, float("inf"))
    try:
        status = Path(name).stat()
    except OSError as error:
        raise _unreadable(name, error) from error
    calendar = Calendar(status.st_mtime)
    with unpacked(name) as (_, content):
        lines = [line for _ in range(LINES_TRIED) if (line := content.readline(LINE_BYTES))]
    for line in lines:
        begins_at = calendar.read(line)
        if begins_at is not None:
            return LogFile(name, status.st_size, status.st_mtime, begins_at)
    if lines:
        msg = f"{name}: none of its first {LINES_TRIED} lines begins with a time stamp; is this a log?"
        raise NoLog(msg)
    return None


@contextmanager
def unpacked(path: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The file as it is on disk, and its content; gzip is known by its first octets, not by its name.

    An empty path is standard input. Raises `NoLog`, also while it is read.
    """
    try:
        if not path:
            yield sys.stdin.buffer, _content(cast("BufferedReader", sys.stdin.buffer))
            return
        with Path(path).open("rb") as raw:
            yield raw, _content(raw)
    except (OSError, EOFError, zlib.error) as error:  # also what gzip says of a damaged file
        raise _unreadable(path or "standard input", error) from error


def _content(raw: BufferedReader) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if raw.peek(2)[:2] == GZIP else raw


def _unreadable(name: str, error: Exception) -> NoLog:
    return NoLog(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}")
