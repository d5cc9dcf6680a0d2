"""The file of a `WriteBehind`, as one thread writes it: rows go into their table, or first as they come, in batches."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from math import isnan
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from detector import log
from detector.host import Ground
from detector.ports import Temporary
from detector.state import table
from detector.state.forgetting import Sweep, forget_rows
from detector.state.glance import Glance

V = TypeVar("V")

Marks = tuple[bytes, ...]  # two at most

Row = tuple[float, V | None, Marks]
"""Time, value and marks; None: to be deleted."""

MOST_ROWS = 1500
"""In batches. With more of them a row becomes no cheaper, and the next start would have to wait for them."""

LOOK_EVERY = 1.0
"""Seconds between two looks at the directory where nothing is written: that it is gone is said before it matters."""

UPPER_PAGES_KIB = 8192
"""What leads to the rows of a million accounts, where each writing goes to other rows: a fifth of its cost was to read
that again."""

SCHEMA = "CREATE TABLE IF NOT EXISTS batches (number INTEGER PRIMARY KEY, rows BLOB NOT NULL)"

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[table.Packed])


class Writer(Generic[V]):
    """All methods, the constructor too, raise `sqlite3.Error` and `OSError`; after that it can only be closed.

    A row stands in several trees, and its marks lead all over the file: whole pages are written for it, and written
    again for others a moment later. So where many writings come within a second, up to `most_batches` of them append
    their rows as they are, and one sorts them all into the table. What is in a batch survives the end of this process
    as well; the next `Writer` sorts it in. Who looks by `glance` is told what changes in the file; such a table is
    large, so that it has no index by time, and any number of rows.
    """

    def __init__(self, path: Path, pack: Callable[[V], bytes], most_batches: int, glance: Glance | None = None) -> None:
        self._path = path
        self._pack = pack
        self._most_batches = most_batches
        self._glance = glance
        self._batches = 0
        self._batched: list[table.Packed] = []
        self.erased = False  # and the -wal file still tells it
        self.lost = False  # the file was removed or replaced; shown until a restart, for what stood there is gone
        self._sweep: Sweep | None = None
        self._connection = table.open_for_writing(path, table.BY_TIME if glance is None else table.NOT_BY_TIME)
        self._ground = Ground(path)
        try:
            self._begin()
        except BaseException:
            self._connection.close()
            raise

    def write(
        self, rows: Mapping[str, Row[V]], unreadable: Mapping[str, bytes], forget: tuple[float, int] | None, sort: bool
    ) -> bool:
        """All in one transaction; whether all rows, also earlier ones, are in the table now. With `sort` they are."""
        self._check()
        packed = list(self._packed(rows))
        erased = [(table.octets(key),) for key, (_, value, _) in rows.items() if value is None]
        full = self._batches + 1 >= self._most_batches or len(self._batched) + len(packed) > MOST_ROWS
        sort = bool(sort or full or erased or unreadable or forget or self.unfinished)
        if not sort:  # one statement: with each, the interpreter is given away and asked for again
            self._connection.execute("INSERT INTO batches (rows) VALUES (?)", (_encoder.encode(packed),))
            self._batches += 1
            self._batched += packed
            return False
        if self._glance is not None and (erased or unreadable or self.erased):
            self._glance.shut()
        self._connection.execute("BEGIN IMMEDIATE")
        table.move_to_unreadable(self._connection, [(table.octets(key), one) for key, one in unreadable.items()])
        table.write_rows(self._connection, [*self._batched, *packed])  # of one key the last one stays
        if self._batches:
            self._connection.execute("DELETE FROM batches")
        table.delete_rows(self._connection, erased)
        self._forget(forget)
        self._connection.execute("COMMIT")
        self._batches, self._batched = 0, []
        self.erased = bool(self.erased or erased) and not table.empty_journal(self._connection)
        if self._glance is not None:
            self._glance.wrote(rows, self._connection)
        return True

    @property
    def unfinished(self) -> bool:
        """Whether another writing must follow, be it of nothing."""
        return self.erased or self._sweep is not None

    def _forget(self, asked: tuple[float, int] | None) -> None:
        if self._glance is None:
            if asked is not None:
                forget_rows(self._connection, *asked)
            return
        if asked is not None and self._sweep is None:  # else it would never come to the end of a very large table
            self._sweep = Sweep(asked[0])
        if self._sweep is not None and self._sweep.go_on(self._connection):
            self._glance.shut()
        if self._sweep is not None and self._sweep.done:
            self._sweep = None

    def _check(self) -> None:
        """What is written into a file that was removed is gone with the process."""
        try:
            self._ground.check()
        except OSError:
            self.lost = True
            log.state_lost(str(self._path))
            raise

    def close(self) -> None:
        """After the last writing: see all through to the disk."""
        if self._glance is not None:
            self._glance.shut()
        with contextlib.suppress(sqlite3.Error):
            table.empty_journal(self._connection)  # ends with fsync
        self.give_up()

    def give_up(self) -> None:
        """After an error."""
        if self._glance is not None:
            self._glance.shut()
        self._connection.close()

    def _begin(self) -> None:
        self._connection.execute(SCHEMA)
        self._batched = list(batched(self._connection, self._path))
        (self._batches,) = self._connection.execute("SELECT count(*) FROM batches").fetchone()
        if self._batches:
            self.write({}, {}, None, True)
        if self._glance is not None:
            self._connection.execute("PRAGMA wal_autocheckpoint = 0")
            self._connection.execute(f"PRAGMA cache_size = -{UPPER_PAGES_KIB}")
            self._glance.look(self._connection)

    def _packed(self, rows: Mapping[str, Row[V]]) -> Iterator[table.Packed]:
        for key, (at, value, marks) in rows.items():
            if value is None:
                continue
            try:
                packed = self._pack(value)
            except Exception as error:  # one value with a fault must not keep all others from the disk
                log.internal_error(f"packing a row of {self._path.name}", error)
            else:
                yield (table.octets(key), at, packed, *table.columns(marks))


def set_aside_if_damaged(path: Path, error: Exception) -> None:
    """At once and not when it is opened again: that may go well, with the journal's pages."""
    if isinstance(error, sqlite3.Error) and table.damaged(error):
        with contextlib.suppress(OSError):  # the next time
            table.set_aside(path, error)


def not_written(path: Path) -> Temporary:
    return Temporary(f"{path}: it could not be written")


def batched(connection: sqlite3.Connection, path: Path) -> Iterator[table.Packed]:
    """Rows that are not in their table yet, in the order in which they came; `path` is for the log."""
    # In a damaged file it may be of any type: what cannot be read must not keep the file from being opened.
    for (rows,) in connection.execute("SELECT ifnull(CAST(rows AS BLOB), x'') FROM batches ORDER BY number").fetchall():
        try:
            yield from [row for row in _decoder.decode(rows) if not isnan(row[1])]
        except ValueError as error:
            log.state_unreadable(f"{path}, a batch", str(error))
