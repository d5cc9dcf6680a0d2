"""Servers turn our mail away because of our own address: operators hear of it, with the accounts to look at first.

Whose mail is turned away is not always who has caused it. So the accounts are those with bad or such answers of the
last hour, ordered by what speaks against each of them now. Reports count once for each transaction, and the alert tells
how many of the recipients are known by reports only: everybody can write one about the mail that he has received.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from detector import log
from detector.metrics import Metrics
from detector.ports import Clock, ProfileStore
from detector.records.book import Book
from detector.verdict.answer import BAD, Answer, Kind
from detector.verdict.policy import Policy
from detector.verdict.weigh import weigh

EVENT = "address.blocked"
HOUR = 3600.0
GATHER = 60.0
"""Seconds after the first: by then it is known whether it is one server's whim, and who is affected."""
LEAST = 3
"""Recipients: fewer may be one small server that is wrong about us."""
MOST_KEPT = 20_000
MOST_WEIGHED = 100
MOST_NAMED = 5


class Suspect(NamedTuple):
    """An account, what speaks against it (nats), and its answers of the last hour, bad ones or about our address."""

    account: str
    score: float
    bad: int


Announce = Callable[[str, Mapping[str, object], str, Mapping[str, object]], None]
"""Tell operators, durably: the event, its words, a key under which it is told once, and what is personal. Blocks."""


@dataclass(slots=True)
class AddressBlocks:
    """`notice` each answer; `look` now and then."""

    profiles: ProfileStore
    book: Book
    announce: Announce
    metrics: Metrics
    clock: Clock
    policy: Policy
    _answers: deque[Answer] = field(init=False, default_factory=lambda: deque(maxlen=MOST_KEPT))
    _told_hour: int = field(init=False, default=-1)

    def notice(self, answer: Answer) -> None:
        if answer.only_slows:
            return  # it must alarm nobody, and accuse nobody
        if answer.kind is Kind.ADDRESS or answer.kind in BAD:
            self._answers.append(answer)

    async def look(self) -> None:
        """At most one alert in each hour: while it goes on, one every hour."""
        now = self.clock()
        while self._answers and self._answers[0].at < now - HOUR:
            self._answers.popleft()
        turned_away = [one for one in self._answers if one.kind is Kind.ADDRESS]
        self.metrics.address_blocked.set(len(turned_away))
        hour = int(now // HOUR)
        if len(turned_away) < LEAST or now - turned_away[0].at < GATHER or hour == self._told_hour:
            return
        suspects = await self._suspects(now)
        log.address_blocked(len(turned_away), [one.account for one in suspects])
        words = {
            "recipients": len(turned_away),
            "accounts_affected": len({one.account for one in turned_away}),
            "only_reported": sum(one.reported for one in turned_away),
            "since": _minutes(now - turned_away[0].at),
        }
        personal = {
            "accounts": [one.account for one in suspects],
            "suspicion": [f"{one.account}: score {one.score:.1f}, {one.bad} bad answers" for one in suspects],
        }
        await asyncio.to_thread(self.announce, EVENT, words, f"{EVENT}.{hour}", personal)
        self._told_hour = hour

    async def _suspects(self, now: float) -> list[Suspect]:
        counts = Counter(one.account for one in self._answers)
        found = []
        for account, bad in counts.most_common(MOST_WEIGHED):
            policy = self.policy.for_cohort(self.book.cohort(account))
            score = weigh(await self.profiles.read(account), now, policy).score
            found.append(Suspect(account, score, bad))
        return sorted(found, key=lambda one: (-one.score, -one.bad, one.account))[:MOST_NAMED]


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60))} minutes ago"
