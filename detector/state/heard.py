"""Answers to mail that passed: each is counted once, and none is lost on the way into its account's profile.

Profiles are written a moment after they change, so a crash takes their last seconds. An answer is on disk, with a
number that only grows, before a profile learns of it, and the profile remembers the last number (`Profile.heard`):
after a crash it learns exactly what it does not know yet.
"""

import json
import sqlite3
from collections.abc import Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path

import msgspec

from detector.mail.transaction import Stream
from detector.ports import Temporary
from detector.state.at_once import AtOnce
from detector.state.table import empty_journal
from detector.traffic.clock import DAY
from detector.verdict.answer import Answer, Kind, News, Share, news

KNOWN_FOR = DAY
"""Seconds for which an answer is kept as it was. After that only its mark stays, by which nobody is known."""
TIDY_EVERY = 1_000
"""Answers."""
NUMBERS_A_SECOND = 100
"""A file that is begun anew goes on above all numbers of the one before: fewer answers than that come in the mean."""


# A report by SMTP is answered with 250 for this: it must survive a power failure, too.
DURABLE = ("synchronous = FULL",)


INSERT = "INSERT INTO rows (number, key, at, value) VALUES (?, ?, ?, ?)"
OLD_FORM = 9
"""Fields that an answer had before reports were told apart; such answers counted in full."""


class Heard(AtOnce):
    """One SQLite file. Blocks; may be called in any thread. All methods raise `Temporary`.

    A mark is forgotten after `keep_time` seconds: longer than a report can still be tied to its transaction.
    """

    def __init__(self, path: Path, keep_time: float) -> None:
        super().__init__(path, DURABLE)
        self._keep_time = keep_time
        self._added = 0
        self._tidied_to = 0.0

    def add(self, answers: Sequence[Answer], now: float) -> list[tuple[int, Answer]]:
        """Those that are new, each once, with their numbers and what of them is to be learned.

        They survive the end of the process and of the machine.
        """
        fresh: list[tuple[int, Answer]] = []
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            (last,) = database.execute("SELECT coalesce(max(number), 0) FROM rows").fetchone()
            number = max(last + 1, int(now * NUMBERS_A_SECOND))
            for one in answers:
                found = news(one, partial(self._knows, database, one))
                if found is None or not self._counts(found):
                    continue
                fresh.append((number, found.answer))
                for mark, value in zip_longest(found.marks, [pack(found.answer)], fillvalue=b""):
                    database.execute(INSERT, (number, mark, one.at, value))
                    number += 1
            self._added += len(fresh)
            if self._added >= TIDY_EVERY:
                self._added = 0
                self._tidy(database, now)
            database.execute("COMMIT")
        return fresh

    def since(self, then: float) -> list[tuple[int, Answer]]:
        """In the order in which they came; `then` in Unix seconds, at most `KNOWN_FOR` ago."""
        with self._database() as database:
            rows = database.execute(
                "SELECT number, value FROM rows WHERE at >= ? AND value != x'' ORDER BY number", (then,)
            ).fetchall()
        return [(number, unpack(value)) for number, value in rows]

    def forget(self, account: str, before: float) -> None:
        """Its profile is erased: nothing that came `before` (Unix seconds) is to be learned again."""
        begins = json.dumps([account])[:-1].encode("ascii") + b", "
        with self._database() as database:
            database.execute(
                "UPDATE rows SET value = x'' WHERE at > ? AND at <= ? AND substr(value, 1, ?) = ?",
                (before - 2 * KNOWN_FOR, before, len(begins), begins),
            )
            if not empty_journal(database):
                msg = f"{self._path}: somebody reads what was erased"
                raise Temporary(msg)

    def tidy(self, now: float) -> None:
        """Keep nothing longer than is promised."""
        with self._database() as database:
            self._tidy(database, now)

    def _knows(self, database: sqlite3.Connection, _: Answer, mark: bytes) -> bool:
        return database.execute("SELECT 1 FROM rows WHERE key = ?", (mark,)).fetchone() is not None

    def _counts(self, _: News) -> bool:
        """Whether what we did not know counts; where several hosts hear answers, one of them must have it."""
        return True

    def _tidy(self, database: sqlite3.Connection, now: float) -> None:
        database.execute("DELETE FROM rows WHERE at < ?", (now - self._keep_time,))
        old = (self._tidied_to - DAY, now - KNOWN_FOR)
        database.execute("UPDATE rows SET value = x'' WHERE at >= ? AND at < ? AND value != x''", old)
        self._tidied_to = now - KNOWN_FOR


def pack(answer: Answer) -> bytes:
    # json, not msgspec: a login may carry octets that are not UTF-8, as surrogate escapes
    told = [answer.account, answer.transaction_id, answer.recipient.hex(), answer.kind, answer.at, answer.stream]
    flags = [answer.first_time, answer.trusted, answer.weak, answer.reported, answer.share]
    return json.dumps([*told, *flags]).encode("ascii")


def unpack(packed: bytes) -> Answer:
    """Raises `ValueError` for anything that `pack` did not make."""
    told = json.loads(packed)
    if isinstance(told, list) and len(told) == OLD_FORM:
        told += [False, Share.ALL]
    account, transaction_id, recipient, kind, at, stream, first_time, trusted, weak, reported, share = msgspec.convert(
        told, tuple[str, str, str, Kind, float, Stream, bool, bool, bool, bool, Share]
    )
    known = bytes.fromhex(recipient)
    return Answer(account, transaction_id, known, kind, at, stream, first_time, trusted, weak, reported, share)
