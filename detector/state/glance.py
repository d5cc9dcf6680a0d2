"""Looks into a table's file while a thread writes it, for an event loop that cannot wait for the disk."""

import os
import sqlite3
from collections.abc import Collection
from pathlib import Path

from detector.state import table
from detector.state.pages import OpenFile, Pages

MOST_AHEAD = 4000
"""Rows. Then the journal is brought into the file: some 20 MB, and eighty milliseconds in which nobody can look. Of a
million rows each costs a third less than with a thousand: what leads to them is moved once for more of them."""


class Glance:
    """Of one file. What it tells is right; what it does not tell may be there all the same, and is asked of SQLite.

    Between two checkpoints SQLite changes nothing in the file itself, all goes to the journal (-wal). So they are made
    when we say, and not when SQLite thinks fit; and what was written since the last one is not looked for. Other
    programs may read the file meanwhile; one that wrote to it would not be noticed, and none of ours does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: tuple[tuple[int, int], OpenFile] | None = None
        self._pages: Pages | None = None
        self._ahead: set[str] = set()
        self._rows_ahead = 0

    def value(self, key: str) -> bytes | None:
        """For one event loop. None is no answer."""
        pages = self._pages
        if pages is None or key in self._ahead:
            return None
        found = pages.value(table.octets(key))
        return found if self._pages is pages else None  # the file was changed meanwhile

    # -- for the thread that writes --

    def shut(self) -> None:
        """Before anything but `wrote` may change the file."""
        self._pages = None

    def wrote(self, keys: Collection[str], connection: sqlite3.Connection) -> None:
        """These rows are in the journal now; look anew if it is time. Raises `sqlite3.Error` and `OSError`."""
        self._ahead.update(keys)
        self._rows_ahead += len(keys)
        if self._pages is None or self._rows_ahead >= MOST_AHEAD:
            self.look(connection)

    def look(self, connection: sqlite3.Connection) -> None:
        """See what was written so far, unless somebody else reads an earlier state. Raises as `wrote`.

        The file is changed for milliseconds, and then the disk takes it in for as long as it likes. SQLite does both in
        one, so that is done here: the journal must be on disk before the file is touched, and the file before the
        journal is begun anew (https://sqlite.org/wal.html#checkpointing).
        """
        try:
            file = self._opened()
        except OSError:  # it is not ours, so that its time of access would be written: no glance
            self.shut()
            _move_journal(connection)
            return
        _sync(self._path.with_name(f"{self._path.name}-wal"))
        self.shut()
        connection.execute("PRAGMA synchronous = OFF")
        try:
            moved = _move_journal(connection)
        finally:  # or closing it would throw the journal away before the file is on disk
            connection.execute("PRAGMA synchronous = NORMAL")
        if moved:
            self._ahead.clear()
            self._rows_ahead = 0
            self._pages = Pages(file, *_roots(connection))
        os.fsync(file.descriptor)

    def _opened(self) -> OpenFile:
        found = self._path.stat()
        same = found.st_dev, found.st_ino
        if self._file is None or self._file[0] != same:
            self._file = same, OpenFile(str(self._path))
        return self._file[1]


def _sync(journal: Path) -> None:
    try:
        descriptor = os.open(journal, os.O_RDONLY)
    except FileNotFoundError:  # nothing was ever written
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move_journal(connection: sqlite3.Connection) -> bool:
    """Whether all that was written stands in the file itself now: who reads an earlier state prevents it."""
    busy, written, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return not busy and moved == written >= 0  # negative: this file system allows no journal of that kind


def _roots(connection: sqlite3.Connection) -> tuple[int, int]:
    """The pages where the index by key and the table begin."""
    pages = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE tbl_name = 'rows'").fetchall())
    return pages["sqlite_autoindex_rows_1"], pages["rows"]
