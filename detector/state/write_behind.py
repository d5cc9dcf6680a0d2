"""Rows that are written to disk a moment later, by a thread, so that nobody waits for the disk."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from prometheus_client import Gauge

from detector import log
from detector.host import Ground
from detector.state import table
from detector.state.aside import tell_all
from detector.state.glance import Glance
from detector.state.reads import PATIENCE, Reads
from detector.state.writer import LOOK_EVERY, Marks, Row, Writer, not_written, set_aside_if_damaged

V = TypeVar("V")

MOST_LOOKED_THROUGH = 10_000
"""Of rows that wait: half a millisecond. There are more while the disk fails; then reports may find less."""

CLOSE_TIME = 10.0  # seconds that `close` waits for the disk


@dataclass(frozen=True, slots=True)
class Form(Generic[V]):
    """How a value becomes bytes and comes back; `unpack` raises `ValueError` for anything that `pack` did not make."""

    pack: Callable[[V], bytes]
    unpack: Callable[[bytes], V]


class WriteBehind(Generic[V]):
    """Keys and values in a SQLite file. What is put is found at once, and is on disk after `write_every` seconds.

    A disk that fails costs nothing but durability: it is logged, the gauge `degraded` is 1, and it is tried again.
    Meanwhile at most `most` rows wait; beyond that the oldest are given up, but not what is to be deleted.
    Who reads waits `patience` seconds for the disk, and then does without.
    """

    batches: ClassVar[int] = 1  # so many writings are one for the table (`Writer`)
    glances: ClassVar[bool] = False  # so many rows are looked for on disk that a thread is too dear (`Glance`)

    def __init__(  # noqa: PLR0913 - the last one is said where somebody is in a hurry
        self, path: Path, form: Form[V], write_every: float, most: int, degraded: Gauge, *, patience: float = PATIENCE
    ) -> None:
        self._path, self._form, self._degraded = path, form, degraded
        self._write_every, self._most_waiting = write_every, most
        self._lock = threading.Lock()  # guards the six below
        self._waiting: dict[str, Row[V]] = {}
        self._writing: dict[str, Row[V]] = {}
        self._batched: dict[str, Row[V]] = {}  # on disk, but not where it is looked for
        self._unreadable: dict[str, bytes] = {}
        self._forget: tuple[float, int] | None = None
        self._listeners: list[asyncio.Future[None]] = []
        self._writer: Writer[V] | None = None
        self._failing = self._sort = self._closing = self._lost = False
        self._reads = Reads(path, degraded, patience)
        self._glance = Glance(path)
        self.stuck = False  # somebody has lost patience with the disk, and it has not answered since
        self.rows_written = 0
        self._wake, self._something = threading.Event(), threading.Event()
        self._directory = Ground(path.parent)
        self._flush()
        self._thread = threading.Thread(target=self._run, name=f"write-behind {path.name}", daemon=True)
        self._thread.start()

    def put(self, key: str, value: V | None, at: float = 0.0, marks: Marks = ()) -> None:
        """`at` orders the rows for `forget`. None deletes the row, and overwrites in the file what stood there."""
        with self._lock:
            self._waiting.pop(key, None)  # so that the row that waits longest stands first
            self._waiting[key] = (at, value, marks)
            if len(self._waiting) == 1:
                self._something.set()

    async def written(self) -> None:
        """Do not wait for `write_every`: return when what was put so far is written, or could not be.

        Written means that it survives the end of this process, not of the machine. Who comes while the disk is busy
        is served together (group commit).
        """
        listener = asyncio.get_running_loop().create_future()
        with self._lock:
            self._listeners.append(listener)
        self._wake.set()
        self._something.set()
        try:
            await listener
        except asyncio.CancelledError:
            self.stuck = True
            self._reads.show(late=True)
            raise

    async def sorted_in(self) -> None:
        """As `written`; and who reads the file finds it all. Raises `Temporary` where the disk does not take it."""
        self._sort = True
        await self.written()
        if self._failing:
            raise not_written(self._path)

    async def find(self, key: str) -> V | None:
        """As `get`, but waits a moment only. Raises `Temporary`."""
        if there := self._unwritten([key]):
            return there[key]
        packed = self._glance.value(key) or await self._reads.value(key)
        there = self._unwritten([key])  # put meanwhile
        return self._unpacked(key, packed) if packed is not None and not there else there.get(key)

    async def find_all(self, keys: Collection[str]) -> dict[str, V]:
        """Those of them that are there; waits once for all, as `find`. Raises `Temporary`."""
        there = self._unwritten(keys)
        if rest := [key for key in keys if key not in there]:
            there |= {key: self._unpacked(key, packed) for key, packed in await self._reads.values(rest)}
            there |= self._unwritten(rest)  # put meanwhile
        return {key: value for key, value in there.items() if value is not None}

    def _unwritten(self, keys: Collection[str]) -> dict[str, V | None]:
        with self._lock:
            rows = {key: self._waiting.get(key) or self._writing.get(key) or self._batched.get(key) for key in keys}
        return {key: row[1] for key, row in rows.items() if row is not None}

    def get(self, key: str) -> V | None:
        """Raises `Temporary` when the disk cannot be read. May be called in any thread."""
        if unwritten := self._unwritten([key]):
            return unwritten[key]
        packed = self._reads.read(lambda connection: table.read_value(connection, key))
        return None if packed is None else self._unpacked(key, packed)

    async def marked(self, mark: bytes, most: int) -> dict[str, V]:
        """The newest rows that carry the mark, by their keys, the newest last. Raises `Temporary`."""
        there = self._unwritten(self._unsorted(mark))  # first: they may be sorted in meanwhile
        stored = {key: self._unpacked(key, packed) for key, packed in await self._reads.marked(mark, most)}
        found = (stored | there | self._unwritten(stored)).items()
        return dict([(key, value) for key, value in found if value is not None][-most:])

    def _unsorted(self, mark: bytes) -> list[str]:
        """The keys of rows that carry the mark and are not in the table, as they were put."""
        with self._lock:
            stages = (self._batched, self._writing, self._waiting)
            newest = [list(islice(reversed(rows.items()), MOST_LOOKED_THROUGH)) for rows in stages]
        return [key for rows in newest for key, (_, _, marks) in reversed(rows) if mark in marks]

    def keys(self) -> set[str]:
        """Everything that was put. Raises `Temporary`; may be called in any thread."""
        with self._lock:
            rows = self._batched | self._writing | self._waiting
        stored = set(table.stored_keys(self._path)) - rows.keys()
        return stored.union([key for key, (_, value, _) in rows.items() if value is not None])

    def forget(self, before: float, keep: int) -> None:
        """Remove, with the next writings, rows put `at` an earlier time, and the oldest beyond `keep`; 0 is no time."""
        with self._lock:
            self._forget = (before, keep)
        self._something.set()

    def close(self) -> None:
        """Write what waits and see it through to the disk."""
        self._closing = True
        self._wake.set()
        self._something.set()
        self._thread.join(CLOSE_TIME)

    def _unpacked(self, key: str, packed: bytes) -> V | None:
        try:
            return self._form.unpack(packed)
        except ValueError as error:
            log.state_unreadable(key, str(error))
            with self._lock:
                self._unreadable[key] = packed
            self._something.set()
            return None

    # -- the thread --

    def _run(self) -> None:
        while not self._closing:
            while self._at_rest() and not self._something.wait(LOOK_EVERY):
                pass  # else it is tried again until it works
            self._wake.wait(self._write_every)
            self._something.clear()
            self._wake.clear()
            with self._lock:
                listeners, self._listeners = self._listeners, []
            try:
                self._flush()
            except Exception as error:  # a fault must not end the thread: nothing would be written any more
                log.internal_error(f"writing {self._path.name}", error)
            self.stuck = False
            tell_all(listeners)
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _at_rest(self) -> bool:
        return self._writer is not None and not self._writer.unfinished and self._directory.stands()

    def _flush(self) -> None:
        with self._lock:
            self._writing, self._waiting = self._writing | self._waiting, {}
            unreadable, self._unreadable = self._unreadable, {}
            forget, self._forget = self._forget, None
            sort, self._sort = (self._sort or self._closing) and bool(self._batched or self._writing), False
        try:
            self._directory.check()
            if self._writer is None:
                self._writer = Writer(self._path, self._form.pack, self.batches, self._glance if self.glances else None)
                self._reads.begin_anew()  # it may still look at a file that was set aside
            if self._writing or unreadable or forget or sort or self._writer.unfinished:
                sort = self._writer.write(self._writing, unreadable, forget, sort)
        except (sqlite3.Error, OSError) as error:
            self._failed(unreadable, error)
        else:
            self._worked(sort)

    def _worked(self, sorted_in: bool) -> None:
        with self._lock:
            self.rows_written += len(self._writing)
            if sorted_in:
                self._batched = {}
            else:
                self._batched.update(self._writing)
            self._writing = {}
        self._degraded.set(self._lost)
        if self._failing:
            self._failing = False
            log.state_written_again(str(self._path))

    def _failed(self, unreadable: dict[str, bytes], error: Exception) -> None:
        with self._lock:
            self._unreadable = unreadable | self._unreadable
            unwritten = (self._batched | self._writing).items()
            self._waiting = {key: row for key, row in unwritten if key not in self._waiting} | self._waiting
            self._writing, self._batched = {}, {}
            values = (key for key, (_, value, _) in self._waiting.items() if value is not None)
            for key in list(islice(values, max(0, len(self._waiting) - self._most_waiting))):
                del self._waiting[key]
        if self._writer is not None:
            self._lost = self._lost or self._writer.lost
            self._writer.give_up()
            self._writer = None
        set_aside_if_damaged(self._path, error)
        self._degraded.set(1)
        if not self._failing:
            self._failing = True
            log.state_write_failed(f"{self._path}: {error}")
