"""How far each log was read, and what of it was told: both change together, so that a crash leaves them in step."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from detector.mail.delivery import Delivery
from detector.state.at_once import AtOnce
from detector.state.table import octets, write_rows

KEEP_TIME = 604_800.0
"""Seconds: an older line is not read a second time, unless somebody gives us an old log."""
KEEP_COUNT = 1_000_000
FORGET_EVERY = 100
"""Times that a log moved on."""


class Followed(AtOnce):
    """Positions and keys of deliveries. After damage logs are followed from where they end now."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
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
        rows = [(_mark(delivery.key), now, b"", None, None) for delivery in told]
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            write_rows(database, [*rows, (_place(source), 0.0, octets(position), None, None)])
            self._moved += 1
            if self._moved % FORGET_EVERY == 0:
                database.execute("DELETE FROM rows WHERE at < ? AND at > 0", (now - KEEP_TIME,))
                database.execute(
                    "DELETE FROM rows WHERE at > 0 AND at < (SELECT at FROM rows ORDER BY at DESC LIMIT 1 OFFSET ?)",
                    (KEEP_COUNT - 1,),
                )
            database.execute("COMMIT")

    @staticmethod
    def _is_told(database: sqlite3.Connection, key: bytes) -> bool:
        return database.execute("SELECT 1 FROM rows WHERE key = ?", (_mark(key),)).fetchone() is not None


def _place(source: str) -> bytes:
    return b"place " + octets(source)


def _mark(key: bytes) -> bytes:
    return b"told " + key
