"""Log events as lines of JSON, made and written at the least price: there is one for each message."""

import asyncio
import json
import logging
import threading
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
import structlog

PIPE_BYTES = 4096
"""Written at once to a pipe they stay together, when other processes write to it, too (PIPE_BUF of Linux)."""

SOON = 0.01
"""Seconds that a line at level info waits for others: to write takes as long as to make ten lines, and gives the
interpreter to another thread."""


class Writes(Protocol):
    """A file, or what stands for one."""

    def write(self, octets: bytes, /) -> int: ...

    def flush(self) -> None: ...


class JsonLines:
    """Events as lines of JSON. What is at level info waits a moment for others, so that they go out together.

    What is worse goes out at once, after what waits. `most_bytes` are written in one piece.
    """

    def __init__(self, file: Writes, level: str, worker: int = 0, most_bytes: int = PIPE_BYTES) -> None:
        self._file = file
        self._most_bytes = most_bytes
        self._least = logging.getLevelNamesMapping()[level.upper()]
        self._teller = {"worker": worker} if worker else {}
        self._encode = msgspec.json.Encoder(enc_hook=repr).encode
        self._lock = threading.Lock()  # guards the two below
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._writer: asyncio.AbstractEventLoop | None = None  # will write them

    def info(self, event: str, **fields: Any) -> None:
        if self._least > logging.INFO:
            return
        line = self.line("info", event, fields)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write(line)
            return
        if self._waiting_bytes + len(line) > self._most_bytes:
            self._write()
        with self._lock:
            self._waiting.append(line)
            self._waiting_bytes += len(line)
        if self._writer is not loop:
            self._writer = loop
            loop.call_later(SOON, self.flush)

    def warning(self, event: str, **fields: Any) -> None:
        if self._least <= logging.WARNING:
            self._write(self.line("warning", event, fields))

    def error(self, event: str, **fields: Any) -> None:
        if self._least <= logging.ERROR:
            self._write(self.line("error", event, fields))

    def line(self, level: str, event: str, fields: dict[str, Any]) -> bytes:
        """As it is written. The `fields` become those of the line."""
        fields["event"] = event
        fields.update(self._teller)
        fields["level"] = level
        fields["timestamp"] = now = datetime.now(UTC)  # noqa: TID251 - when it is told, not when it was
        if "exc_info" in fields:
            fields = dict(structlog.processors.format_exc_info(None, level, fields))
        try:
            return self._encode(fields) + b"\n"
        except UnicodeEncodeError:  # a login may carry octets that are not UTF-8, as surrogate escapes
            fields["timestamp"] = msgspec.to_builtins(now)
            return json.dumps(fields, default=repr).encode("ascii") + b"\n"

    def flush(self) -> None:
        """Write what waits."""
        self._writer = None
        self._write()

    def _write(self, line: bytes = b"") -> None:
        with self._lock:
            lines, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
            for octets in (lines, line):
                if octets:
                    self._file.write(octets)
                    self._file.flush()
