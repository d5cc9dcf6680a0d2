"""Reads of a table that a thread of ours writes meanwhile: at once, or by another thread that may wait for the disk."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from prometheus_client import Gauge

from detector import log
from detector.state import table
from detector.state.aside import Aside

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that whoever is in no hurry waits for the disk; who judges mail says how long that may wait."""

Asked = list[tuple[str, asyncio.Future[bytes | None]]]


class Reads:
    """Of one file. What cannot be read is `Temporary`; a damaged file is as good as an empty one, and logged."""

    def __init__(self, path: Path, degraded: Gauge, patience: float = PATIENCE) -> None:
        """A read takes microseconds; one that takes longer than `patience` seconds is given up."""
        self._path = path
        self._degraded = degraded
        self._connection: sqlite3.Connection | None = None
        self._aside = Aside(f"reading {path.name}", self.show, patience)
        self._asked: Asked = []
        self._under_way = False

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
        """As `aside`; who asks while others are answered is answered together with all who do. For one event loop.

        To wake the thread and to pass the interpreter to and fro costs more than to read a row of a million (10 us).
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes | None] = loop.create_future()
        self._asked.append((key, answer))
        if len(self._asked) == 1 and not self._under_way:
            loop.call_soon(self._read_asked)  # with all of this turn
        return await answer

    def _read_asked(self) -> None:
        asked, self._asked = self._asked, []
        keys = [key for key, answer in asked if not answer.done()]  # else nobody waits for it any more
        self._under_way = bool(keys)
        if keys:
            self._aside.begin(lambda: self._found(keys)).add_done_callback(lambda found: self._read(asked, found))

    def _read(self, asked: Asked, found: asyncio.Future[Mapping[str, bytes]]) -> None:
        try:
            _answer(asked, found)
        finally:
            self._read_asked()  # whatever became of these, others wait

    def _found(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        found = self.read(lambda connection: table.read_values(connection, keys))
        if found is not None or len(keys) == 1:
            return dict(found or ())
        middle = len(keys) // 2  # one of them is damaged: the others need not be lost with it
        return {**self._found(keys[:middle]), **self._found(keys[middle:])}

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


def _answer(asked: Asked, found: asyncio.Future[Mapping[str, bytes]]) -> None:
    problem = found.exception()
    for key, answer in asked:
        if answer.done():
            continue
        if problem is None:
            answer.set_result(found.result().get(key))
        else:
            answer.set_exception(problem)
