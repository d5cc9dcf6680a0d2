"""A table that is written at once: what a method has told its caller stands on disk."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from detector import log
from detector.host import Ground
from detector.ports import Temporary
from detector.state.table import damaged, open_for_writing, set_aside


class AtOnce:
    """One SQLite file. Blocks; may be called in any thread. `pragmas` are set on each connection.

    A file that was damaged is set aside. All methods raise `Temporary` when the disk does not let us.
    """

    def __init__(self, path: Path, pragmas: Sequence[str] = ()) -> None:
        self._path = path
        self._pragmas = pragmas
        self._lock = threading.Lock()  # guards all below, and what a subclass counts
        self._connection: sqlite3.Connection | None = None
        self._directory, self._ground = Ground(path.parent), Ground(path)

    def close(self) -> None:
        with self._lock:
            self._end()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._directory.check()
                if self._connection is None:
                    self._connection = open_for_writing(self._path)
                    self._ground = Ground(self._path)
                    for pragma in self._pragmas:
                        self._connection.execute(f"PRAGMA {pragma}")
                self._check()
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                self._give_up(error)
                msg = f"{self._path}: {error}"
                raise Temporary(msg) from error

    def _check(self) -> None:
        """Raises `OSError`, and the next use begins a new file."""
        try:
            self._ground.check()
        except OSError:
            log.state_lost(str(self._path))
            raise

    def _give_up(self, error: Exception) -> None:
        """What was begun is undone with the connection; the next one may find a file to set aside."""
        self._end()
        if isinstance(error, sqlite3.Error) and damaged(error) and self._path.exists():
            set_aside(self._path, error)

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
