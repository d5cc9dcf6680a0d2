"""Which of the counted bad answers are too little to convict by: those only reported, and refusals for now.

A report proves by its tag that the message was ours, and nothing else: everybody who received it can write one. So of
each transaction one bounce and one complaint count (`verdict.answer`), and a few of those may all be one person with as
many mailboxes. They make the judge doubt, and mail wait; nobody is blocked by them.
"""

from msgspec import Struct

from detector.traffic.amounts import Amount
from detector.traffic.clock import DAY, latest
from detector.traffic.counters import decayed

FEW_REPORTERS = 5.0
"""Transactions reported on within about a day: as many mailboxes as one person who means ill may have in a mailing."""


class Doubtful(Struct, frozen=True, array_like=True, gc=False):
    """Bad answers of the last day, decayed as `Counters` are, that stand there too.

    `refused` and `unwanted`: told by reports only. `slowed`: what refusals for now have added to the unwanted ones.

    >>> Doubtful().add(now=0.0, unwanted=8.0).but_for(now=0.0)
    (0.0, 5.0)
    """

    updated_at: Amount = 0.0
    refused: Amount = 0.0
    unwanted: Amount = 0.0
    slowed: Amount = 0.0

    def at(self, now: float) -> "Doubtful":
        """Forget what time has taken; `now` in Unix seconds."""
        at = latest(self.updated_at, now)
        left = decayed(1.0, DAY, at - self.updated_at)
        return Doubtful(at, self.refused * left, self.unwanted * left, self.slowed * left)

    def add(self, now: float, refused: float = 0.0, unwanted: float = 0.0, slowed: float = 0.0) -> "Doubtful":
        then = self.at(now)
        return Doubtful(then.updated_at, then.refused + refused, then.unwanted + unwanted, then.slowed + slowed)

    def but_for(self, now: float) -> tuple[float, float]:
        """How many of the refused, and of the unwanted, must not convict."""
        then = self.at(now)
        return min(then.refused, FEW_REPORTERS), min(then.unwanted, FEW_REPORTERS) + then.slowed

    def __bool__(self) -> bool:
        return self.refused > 0.0 or self.unwanted > 0.0 or self.slowed > 0.0
