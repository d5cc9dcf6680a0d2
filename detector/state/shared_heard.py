"""Answers to mail that passed, where those to one message may come to several hosts: each counts once for all of them.

What a host has heard is on its disk, as where nothing is shared. Before it counts, the host claims its marks in the
shared state, under its own name: who crashes in between, and is told the answer again, still has the claim. That mail
was delivered is told by one log only, and there is much of it: such an answer is not claimed.

While the server is away an answer that comes to two hosts counts twice.
"""

import asyncio
import sqlite3
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import suppress
from pathlib import Path
from typing import Any

from detector.ports import Temporary
from detector.state.heard import Heard
from detector.state.shared_claims import SharedClaims
from detector.verdict.answer import Answer, Kind, News

PATIENCE = 2.0
"""Seconds for a question, from the thread in which answers are written down. The link gives up sooner."""


class SharedHeard(Heard):
    """As `Heard`, for one of several hosts. Made in the event loop of the link, and called in other threads only."""

    def __init__(self, path: Path, keep_time: float, claims: SharedClaims) -> None:
        super().__init__(path, keep_time)
        self._claims = claims
        self._loop = asyncio.get_running_loop()

    def _knows(self, database: sqlite3.Connection, one: Answer, mark: bytes) -> bool:
        if super()._knows(database, one, mark):
            return True
        return _is_told_twice(one) and self._ask(self._claims.taken(mark), otherwise=False)

    def _counts(self, found: News) -> bool:
        if not _is_told_twice(found.answer):
            return True
        claimed = [self._ask(self._claims.claim(mark), otherwise=True) for mark in found.marks]
        return claimed[0]  # what it is about; the others only keep count of the transaction

    def _ask(self, question: Coroutine[Any, Any, bool], otherwise: bool) -> bool:
        with suppress(Temporary, TookTooLong):
            return asyncio.run_coroutine_threadsafe(question, self._loop).result(PATIENCE)
        return otherwise


def _is_told_twice(answer: Answer) -> bool:
    return answer.kind is not Kind.DELIVERED
