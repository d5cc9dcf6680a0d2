"""Blocks that other processes and hosts have just decided: they are in force here before the records tell of them.

Each process looks every fifth of a second for what came after the last thing it saw. So nothing is lost with a
connection, and there is no difference between a server, a Cluster, and whom Sentinels name; a question costs next to
nothing. The records stay the truth: what they have not confirmed after a while is no block.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from detector import log
from detector.state.shared_link import Away, Link
from detector.state.table import octets

KEY = b"detector:blocks"
LOOK_EVERY = 0.2
"""Seconds: with the round trip, a quarter of the second within which a block must be known everywhere."""
MOST = 10_000
"""Blocks that are kept there; who was out of reach for so many of them has the records."""

Hear = Callable[[str, str], None]
"""Told an account and the id of its incident."""


class SharedNews:
    """`tell` of each block, and call `listen` with who hears those of all processes, one's own too."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._last = b""
        link.when_back.append(self._begin_anew)

    def tell(self, account: str, incident_id: str) -> None:
        """Never waits, and never fails: who does not hear of it now reads it in the records."""
        try:
            words = ("MAXLEN", "~", MOST, "*", b"account", octets(account), b"incident", octets(incident_id))
            self._link.send("XADD", KEY, *words).add_done_callback(_forgotten)
        except Away:
            return

    async def listen(self, hear: Hear) -> None:
        """Until it is cancelled. What was told before the first look is in the records."""
        while True:
            try:
                with contextlib.suppress(Away):
                    await self.look(hear)
            except Exception as error:  # a fault here must not leave us deaf
                log.internal_error("listen", error)
            await asyncio.sleep(LOOK_EVERY)

    async def _begin_anew(self) -> None:
        """A server that has lost everything numbers by its clock again, and that may be behind what we have seen."""
        if self._link.seal.emptied and self._last:
            self._last = b"0-0"

    async def look(self, hear: Hear) -> None:
        """What came since the last look, on a server that still has what it had. Raises `Away`."""
        if not self._last:
            newest = await self._link.send("XREVRANGE", KEY, "+", "-", "COUNT", 1)
            self._last = bytes(newest[0][0]) if newest else b"0-0"
            return
        question = self._link.send("XRANGE", KEY, b"(" + self._last, "+", "COUNT", MOST)
        _, entries = await asyncio.gather(self._link.confirm(), question)
        for entry, words in entries:
            self._last = bytes(entry)
            account, incident_id = _text(words.get(b"account", b"")), _text(words.get(b"incident", b""))
            if account and incident_id:
                hear(account, incident_id)
            else:
                log.state_unreadable(KEY.decode(), f"entry {_text(self._last)} names no account and incident: skipped")


def _text(word: bytes) -> str:
    return word.decode("utf-8", "surrogateescape")


def _forgotten(answer: asyncio.Future[Any]) -> None:
    """Nobody waits for it: that it failed is no secret, the link has told it."""
    if not answer.cancelled():
        answer.exception()
