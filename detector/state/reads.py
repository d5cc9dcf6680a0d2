"""Reads of a table that a thread of ours writes meanwhile: at once, or by another thread that may wait for the disk."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from prometheus_client import Gauge

from detector import log
from detector.ports import Temporary
from detector.state import table
from detector.state.aside import Aside

T = TypeVar("T")


@dataclass(slots=True)
class _Round:
    """Keys that are read together."""

    keys: list[str] = field(default_factory=list)
    answer: asyncio.Task[Mapping[str, bytes]] | None = None


class Reads:
    """Of one file. What cannot be read is `Temporary`; a damaged file is as good as an empty one, and logged."""

    def __init__(self, path: Path, degraded: Gauge) -> None:
        self._path = path
        self._degraded = degraded
        self._connection: sqlite3.Connection | None = None
        self._aside = Aside(f"reading {path.name}", self.show)
        self._lock = threading.Lock()  # guards the next
        self._next: _Round | None = None

    def begin_anew(self) -> None:
        """It may be another file by now."""
        self._connection = None

    def read(self, read: Callable[[sqlite3.Connection], T]) -> T | None:
        """None when nothing was ever stored. Waits for the disk."""
        connection = self._connection
        try:
            if connection is None:
                connection = self._connection = table.open_for_reading(self._path)
            return None if connection is None else read(connection)
        except sqlite3.Error as error:
            self._connection = None
            if not table.damaged(error):
                raise table.out_of_reach(self._path, error) from error
            log.state_unreadable(str(self._path), str(error))
            return None

    async def value(self, key: str) -> bytes | None:
        """As `aside`. Who asks before the thread comes to it is served together: each turn of a thread costs more."""
        with self._lock:
            mine = self._next = self._next or _Round()
            mine.keys.append(key)
        if mine.answer is None:
            mine.answer = asyncio.get_running_loop().create_task(self._aside.do(lambda: self._read_round(mine)))
        try:
            return (await asyncio.shield(mine.answer)).get(key)
        except Temporary:
            self._close(mine)  # the thread may never come to it
            raise

    def _close(self, one: _Round) -> None:
        with self._lock:
            if self._next is one:
                self._next = None

    def _read_round(self, one: _Round) -> Mapping[str, bytes]:
        self._close(one)
        return dict(self.read(lambda connection: table.read_values(connection, one.keys)) or ())

    async def values(self, keys: Sequence[str]) -> list[tuple[str, bytes]]:
        """As `aside`: those of the keys that are there, with what is stored, in one go."""
        return await self.aside(lambda: self.read(lambda one: table.read_values(one, keys))) or []

    async def marked(self, mark: bytes, most: int) -> list[tuple[str, bytes]]:
        """As `aside`: the newest rows that carry the mark, as they are stored."""
        return await self.aside(lambda: self.read(lambda one: table.read_marked(one, mark, most))) or []

    async def aside(self, work: Callable[[], T]) -> T:
        """`work` reads. Raises `Temporary` also when the disk does not answer within a moment."""
        return await self._aside.do(work)

    def show(self, late: bool) -> None:
        """Whether the disk does not answer. What is written next shows it, too."""
        self._degraded.set(late)
        if late:
            log.state_write_failed(f"{self._path}: the disk does not answer")
        else:
            log.state_written_again(str(self._path))
