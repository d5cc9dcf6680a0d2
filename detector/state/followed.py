"""How far each log was read, and what of it was told: both change together, so that a crash leaves them in step."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from detector.mail.delivery import Delivery
from detector.ports import Temporary
from detector.state.table import damaged, octets, open_for_writing, set_aside
from detector.state.write_behind import UPSERT

KEEP_TIME = 604_800.0
"""Seconds: an older line is not read a second time, unless somebody gives us an old log."""
KEEP_COUNT = 1_000_000
FORGET_EVERY = 100
"""Times that a log moved on."""


class Followed:
    """Positions and keys of deliveries in one SQLite file. Blocks; may be called in any thread.

    A file that was damaged is set aside: then logs are followed from where they end now. All methods raise `Temporary`
    when the disk does not let us.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()  # guards all below
        self._connection: sqlite3.Connection | None = None
        self._moved = 0

    def position(self, source: str) -> str:
        """Where a log was left; empty if it was never read."""
        with self._database() as database:
            row = database.execute("SELECT value FROM rows WHERE key = ?", (_place(source),)).fetchone()
        return "" if row is None else bytes(row[0]).decode("utf-8", "surrogateescape")

    def news(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        """Those that were not told before, each once."""
        different = {delivery.key: delivery for delivery in deliveries}
        with self._database() as database:
            told = {key for key in different if self._is_told(database, key)}
        return [delivery for key, delivery in different.items() if key not in told]

    def move_on(self, source: str, position: str, told: Sequence[Delivery], now: float) -> None:
        """Everything before `position` was read, and `told` (Unix seconds `now`) counts."""
        rows = [(_mark(delivery.key), now, b"") for delivery in told]
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(UPSERT, [*rows, (_place(source), 0.0, octets(position))])
            self._moved += 1
            if self._moved % FORGET_EVERY == 0:
                database.execute("DELETE FROM rows WHERE at < ? AND at > 0", (now - KEEP_TIME,))
                database.execute(
                    "DELETE FROM rows WHERE at > 0 AND at < (SELECT at FROM rows ORDER BY at DESC LIMIT 1 OFFSET ?)",
                    (KEEP_COUNT - 1,),
                )
            database.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @staticmethod
    def _is_told(database: sqlite3.Connection, key: bytes) -> bool:
        return database.execute("SELECT 1 FROM rows WHERE key = ?", (_mark(key),)).fetchone() is not None

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = open_for_writing(self._path)
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                self._give_up(error)
                msg = f"{self._path}: {error}"
                raise Temporary(msg) from error

    def _give_up(self, error: Exception) -> None:
        """What was begun is undone with the connection; the next one may find a file to set aside."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if isinstance(error, sqlite3.Error) and damaged(error) and self._path.exists():
            set_aside(self._path, error)


def _place(source: str) -> bytes:
    return b"place " + octets(source)


def _mark(key: bytes) -> bytes:
    return b"told " + key
