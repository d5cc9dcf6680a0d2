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


class Writes(Protocol):
    """A file, or what stands for one."""

    def write(self, octets: bytes, /) -> int: ...

    def flush(self) -> None: ...


class JsonLines:
    """Events as lines of JSON. Those at level info that a turn of the event loop brings forth go out together.

    Writing a line takes longer than making it. What is worse than info goes out at once, after what waits.
    """

    def __init__(self, file: Writes, level: str, worker: int = 0) -> None:
        self._file = file
        self._least = logging.getLevelNamesMapping()[level.upper()]
        self._teller = {"worker": worker} if worker else {}
        self._encode = msgspec.json.Encoder(enc_hook=repr).encode
        self._lock = threading.Lock()  # guards the two below
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def info(self, event: str, **fields: Any) -> None:
        if self._least > logging.INFO:
            return
        line = self.line("info", event, fields)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write(line)
            return
        if self._waiting_bytes + len(line) > PIPE_BYTES:
            self._write()
        with self._lock:
            self._waiting.append(line)
            self._waiting_bytes += len(line)
            if len(self._waiting) == 1:
                loop.call_soon(self._write)

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

    def _write(self, line: bytes = b"") -> None:
        with self._lock:
            lines, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
            for octets in (lines, line):
                if octets:
                    self._file.write(octets)
                    self._file.flush()
