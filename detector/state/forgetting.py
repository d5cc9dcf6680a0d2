"""Rows that were put long ago are removed: at once, where they are found by their time, or a few with each writing."""

import sqlite3

ROWS_LOOKED_AT = 1_000
"""With each writing: a million within twenty minutes. More would push out of SQLite's memory what leads to the rows."""


def forget_rows(connection: sqlite3.Connection, before: float, keep: int) -> None:
    """Those of an earlier time, and the oldest beyond `keep`; 0 is no time."""
    connection.execute("DELETE FROM rows WHERE at < ? AND at > 0", (before,))
    oldest_kept = "SELECT at FROM rows ORDER BY at DESC LIMIT 1 OFFSET ?"
    connection.execute(f"DELETE FROM rows WHERE at < ({oldest_kept})", (keep - 1,))  # noqa: S608 - no input in it


class Sweep:
    """Goes through a table that has no index by time, in the order in which its rows came."""

    def __init__(self, before: float) -> None:
        """Rows of an earlier time shall go; 0 is no time."""
        self._before = before
        self._looked_at = 0
        self.done = False

    def go_on(self, connection: sqlite3.Connection) -> bool:
        """Whether something was removed. Within a transaction. Raises `sqlite3.Error`."""
        end = self._looked_at + ROWS_LOOKED_AT
        removed = connection.execute(
            "DELETE FROM rows WHERE number > ? AND number <= ? AND at < ? AND at > 0",
            (self._looked_at, end, self._before),
        ).rowcount
        (last,) = connection.execute("SELECT ifnull(max(number), 0) FROM rows").fetchone()
        self._looked_at, self.done = end, last <= end
        return removed > 0
