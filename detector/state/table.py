"""A SQLite file with one table of keys and values: opened, read, written, and set aside when it is damaged.

A row may carry up to two marks, by which it is found together with others.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from detector import log
from detector.ports import Temporary

# NORMAL: what is committed survives the death of the process; a power failure may cost what came after the last
# checkpoint, which is seconds of counting (https://sqlite.org/pragma.html#pragma_synchronous).
# secure_delete: zeros over what is deleted, and over what a longer value has left behind when it moved.
# temp_store: what a statement of many rows may have to undo is kept in memory, at half the price of a file.
PRAGMAS = (
    *("busy_timeout = 1000", "journal_mode = WAL", "synchronous = NORMAL"),
    *("secure_delete = ON", "temp_store = MEMORY"),
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS rows
    (number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, at REAL NOT NULL, value BLOB NOT NULL,
    mark_1 BLOB, mark_2 BLOB);
CREATE INDEX IF NOT EXISTS rows_by_mark_1 ON rows (mark_1) WHERE mark_1 IS NOT NULL;
CREATE INDEX IF NOT EXISTS rows_by_mark_2 ON rows (mark_2) WHERE mark_2 IS NOT NULL;
CREATE TABLE IF NOT EXISTS unreadable (key BLOB NOT NULL, value BLOB NOT NULL);
"""
BY_TIME = "CREATE INDEX IF NOT EXISTS rows_by_time ON rows (at)"
# Among a million rows it is half of what is written for a row: another page, and seldom the one of its neighbour.
NOT_BY_TIME = "DROP INDEX IF EXISTS rows_by_time"

UPSERT = (
    "INSERT INTO rows (key, at, value, mark_1, mark_2) VALUES {} ON CONFLICT (key) DO UPDATE "
    "SET at = excluded.at, value = excluded.value, mark_1 = excluded.mark_1, mark_2 = excluded.mark_2"
)
# Many rows in one statement, for the reason that stands at `ASKS`.
UPSERTS = tuple((size, UPSERT.format(", ".join(["(?, ?, ?, ?, ?)"] * size))) for size in (128, 32, 8, 2, 1))
MARKED = (
    "SELECT at, number, key, value FROM rows WHERE mark_1 = ? UNION "
    "SELECT at, number, key, value FROM rows WHERE mark_2 = ? ORDER BY 1 DESC, 2 DESC LIMIT ?"
)

READ = "(SELECT value FROM rows WHERE key = ?)"
# One row for many keys: a thread gives the interpreter away with each row, and takes it from the event loop thereafter.
# Of few sizes, so that each is compiled once; the rest of the places is asked for no key.
ASKS = {size: f"SELECT {', '.join([READ] * size)}" for size in (1, 4, 16, 64)}
MOST_ASKED = max(ASKS)

Packed = tuple[bytes, float, bytes, bytes | None, bytes | None]
"""A row: key, time, value and marks."""


def open_for_writing(path: Path, by_time: str = BY_TIME) -> sqlite3.Connection:
    """Open the file, or make it. A damaged one is set aside first. Raises `sqlite3.Error` and `OSError`."""
    try:
        return _open(path, by_time)
    except sqlite3.DatabaseError as error:
        if not damaged(error):
            raise
        set_aside(path, error)
        return _open(path, by_time)


def open_for_reading(path: Path) -> sqlite3.Connection | None:
    """Open the file, which a server may be writing; None when nothing was ever stored. Raises `sqlite3.Error`."""
    if not path.exists():
        return None
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=1.0, check_same_thread=False)
    try:
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'rows'").fetchone() is not None:
            return connection
    except sqlite3.Error:
        connection.close()
        raise
    connection.close()
    return None


def stored_value(path: Path, key: str) -> bytes | None:
    """Open, read one value, close. Raises `Temporary`."""
    with reading(path) as connection:
        return None if connection is None else read_value(connection, key)


def stored_keys(path: Path) -> list[str]:
    """Open, read all keys, close. Raises `Temporary`."""
    with reading(path) as connection:
        keys = [] if connection is None else connection.execute("SELECT key FROM rows").fetchall()
        return [bytes(key).decode("utf-8", "surrogateescape") for (key,) in keys]


def stored_count(path: Path) -> int:
    """Open, count the rows, close. Raises `Temporary`."""
    with reading(path) as connection:
        return 0 if connection is None else int(connection.execute("SELECT count(*) FROM rows").fetchone()[0])


def stored_rows(path: Path) -> Iterator[tuple[str, bytes]]:
    """Open, read row by row in no order, close. Raises `Temporary`."""
    with reading(path) as connection:
        rows = () if connection is None else connection.execute("SELECT key, value FROM rows")
        for key, value in rows:
            yield bytes(key).decode("utf-8", "surrogateescape"), bytes(value)


def newest_rows(path: Path, most: int) -> list[tuple[str, bytes]]:
    """Open, read so many of those that were put at the latest times, close. Raises `Temporary`."""
    with reading(path) as connection:
        query = "SELECT key, value FROM rows ORDER BY at DESC LIMIT ?"
        rows = [] if connection is None else connection.execute(query, (most,)).fetchall()
        return [(bytes(key).decode("utf-8", "surrogateescape"), bytes(value)) for key, value in rows]


def octets(key: str) -> bytes:
    """How a key is stored: a login need not be UTF-8, its other octets come as surrogate escapes."""
    try:
        return key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character: one such key must not keep all others from the disk
        return key.encode("utf-8", "surrogatepass")


def columns(marks: Sequence[bytes]) -> tuple[bytes | None, bytes | None]:
    """Up to two marks, as they stand in a row."""
    first, second = (*marks, None, None)[:2]
    return first, second


def read_value(connection: sqlite3.Connection, key: str) -> bytes | None:
    row = connection.execute("SELECT value FROM rows WHERE key = ?", (octets(key),)).fetchone()
    return None if row is None else bytes(row[0])


def read_values(connection: sqlite3.Connection, keys: Sequence[str]) -> list[tuple[str, bytes]]:
    """Those of the keys that are there, with their values."""
    found: list[tuple[str, bytes]] = []
    for start in range(0, len(keys), MOST_ASKED):
        some = keys[start : start + MOST_ASKED]
        size = next(size for size in ASKS if size >= len(some))
        asked = (*map(octets, some), *[None] * (size - len(some)))
        values = connection.execute(ASKS[size], asked).fetchone()
        found += [(key, bytes(value)) for key, value in zip(some, values, strict=False) if value is not None]
    return found


def read_marked(connection: sqlite3.Connection, mark: bytes, most: int) -> list[tuple[str, bytes]]:
    """Keys and values of the newest rows that carry it, the newest last."""
    found = connection.execute(MARKED, (mark, mark, most)).fetchall()
    return [(bytes(key).decode("utf-8", "surrogateescape"), bytes(value)) for _, _, key, value in reversed(found)]


def write_rows(connection: sqlite3.Connection, rows: Sequence[Packed]) -> None:
    done = 0
    for size, upsert in UPSERTS:
        while len(rows) - done >= size:
            connection.execute(upsert, tuple(chain.from_iterable(rows[done : done + size])))
            done += size


def move_to_unreadable(connection: sqlite3.Connection, rows: Sequence[tuple[bytes, bytes]]) -> None:
    connection.executemany("INSERT INTO unreadable (key, value) VALUES (?, ?)", rows)
    connection.executemany("DELETE FROM rows WHERE key = ? AND value = ?", rows)


def delete_rows(connection: sqlite3.Connection, keys: Sequence[tuple[bytes]]) -> None:
    if keys:
        connection.executemany("DELETE FROM rows WHERE key = ?", keys)
        connection.executemany("DELETE FROM unreadable WHERE key = ?", keys)


def empty_journal(connection: sqlite3.Connection) -> bool:
    """Whether nothing stands in the journal (-wal) any more of what was erased: who reads meanwhile prevents it."""
    (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def out_of_reach(path: Path, error: sqlite3.Error) -> Temporary:
    return Temporary(f"{path}: cannot be read: {error}")


def damaged(error: sqlite3.Error) -> bool:
    """Whether the file's content is wrong (and not just the disk full or busy)."""
    # The low octet is the kind of error (https://sqlite.org/rescode.html); errors of Python's module have no code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def set_aside(path: Path, error: sqlite3.Error) -> None:
    """Move the file away and its journal with it, so that a new one can be begun. Raises `OSError`."""
    number = 1
    while (kept := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    for ending in ("-wal", "-shm", ""):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(kept.with_name(kept.name + ending))
    log.state_set_aside(str(path), str(kept), str(error))


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    try:
        connection = open_for_reading(path)
        try:
            yield connection
        finally:
            if connection is not None:
                connection.close()
    except sqlite3.Error as error:
        raise out_of_reach(path, error) from error


def _open(path: Path, by_time: str) -> sqlite3.Connection:
    path.touch(mode=0o600)  # before SQLite makes it: it holds what customers do
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        _add_marks(connection)
        connection.executescript(SCHEMA)
        connection.execute(by_time)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _add_marks(connection: sqlite3.Connection) -> None:
    """To a file that was made before rows had any."""
    columns = [column for _, column, *_ in connection.execute("PRAGMA table_info(rows)")]
    for column in ("mark_1", "mark_2") if columns else ():
        if column not in columns:
            connection.execute(f"ALTER TABLE rows ADD COLUMN {column} BLOB")
