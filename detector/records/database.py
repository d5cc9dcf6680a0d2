"""The one SQL database behind the records: transactions that read, and transactions that write, one after the other."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from sqlalchemy import Connection, select, update

from detector.host import Ground
from detector.ports import Temporary
from detector.records.engine import errors_named, open_engine, open_read_only, sqlite_file
from detector.records.schema import counters


class Database:
    """What all kinds of records have in common."""

    def __init__(self, url: str, read_only: bool = False) -> None:
        """`read_only`: from a SQLite file on a disk that cannot be written; whatever writes raises `Temporary`."""
        self._engine = open_read_only(url) if read_only else open_engine(url)
        file = None if read_only else sqlite_file(url)
        self._ground = None if file is None else Ground(file)

    def close(self) -> None:
        self._engine.dispose()

    def change_token(self) -> int:
        """A number that grows whenever any process has written."""
        with self._read("change_token") as connection:
            return int(connection.execute(select(counters.c.changes)).scalar_one())

    @contextmanager
    def _read(self, operation: str) -> Iterator[Connection]:
        with self._errors_named(operation), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _write(self, operation: str) -> Iterator[Connection]:
        with self._errors_named(operation), self._engine.begin() as connection:
            # First of all: this row's lock puts all writers of all processes in one line, so that what the
            # transaction reads stays true and the audit log is one chain.
            connection.execute(update(counters).values(changes=counters.c.changes + 1))
            yield connection

    @contextmanager
    def _errors_named(self, operation: str) -> Iterator[None]:
        with errors_named(operation):
            if self._ground is not None:
                self._ground.check()
            yield

    def _empty_journal(self, operation: str) -> None:
        """What was erased stands in SQLite's journal (-wal) until that is emptied, which waits for those who read.

        Raises `Temporary` when they do not come to an end.
        """
        if self._engine.dialect.name != "sqlite":
            return
        # Not by a connection of SQLAlchemy's: that would begin a transaction, and the journal cannot be emptied in one.
        erased = f"records: {operation}: erased, but the journal still has it"
        try:
            with errors_named(operation), closing(self._engine.raw_connection()) as connection:
                cursor = connection.cursor()
                (busy, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                cursor.close()
        except (sqlite3.Error, Temporary) as error:  # a full disk: what is in the journal needs room in the file
            msg = f"{erased} ({error}): say it again when there is room"
            raise Temporary(msg) from None
        if busy:
            msg = f"{erased}, and somebody reads that: say it again"
            raise Temporary(msg)
