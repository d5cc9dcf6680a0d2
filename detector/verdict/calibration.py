"""One knob: how many false alarms may there be in 1000 account-months? The answer is a threshold for the score.

It comes from honest accounts: for how long each was seen, and its highest score in that time. One number for an
account, however often it was suspicious, because its mails resemble each other and accounts do not. Rates are accounts
that reach the threshold at least once while they are seen.

Where there is enough clean traffic, the threshold is the lowest one whose upper 95 % confidence bound keeps the budget:
a quantile of the maxima, measured whatever their distribution is. Where there is less, the tail of the maxima is
continued to half of the budget (an exponential one is raised by ln 2 of its scale). That is an assumption, and said to
be one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor, log

from detector.verdict.hold import SPEAKS
from detector.verdict.judge import GROUPS_NEEDED
from detector.verdict.odds import CAP
from detector.verdict.rates import PER, bound, months_needed, per_1000
from detector.verdict.tail import fit
from detector.verdict.verdict import Group

LEAST = GROUPS_NEEDED * SPEAKS  # nats: below it, not enough groups can have spoken
MOST = CAP * len(Group)  # nats: no mail can have more


class Basis(StrEnum):
    """What a threshold rests on."""

    MEASURED = "measured"
    EXTRAPOLATED = "extrapolated"
    DEFAULT = "default"  # too few accounts for either


@dataclass(frozen=True, slots=True)
class Seen:
    """Clean traffic of one account: for how many months (of 30 days) it was seen, and its highest score in nats."""

    months: float
    highest: float


@dataclass(frozen=True, slots=True)
class Rate:
    """What a threshold (nats) does to honest accounts.

    `accounts` of those seen reach it; `expected` and, with 95 % confidence, at most `at_most` do so in 1000
    account-months.
    """

    threshold: float
    accounts: int
    expected: float
    at_most: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The threshold for a budget, from `months` of all accounts. For an extrapolated one `rate` is that of the tail.

    `months_needed` without any alarm promise the budget without extrapolation.
    """

    budget: float
    basis: Basis
    rate: Rate
    months: float
    months_needed: float

    @property
    def threshold(self) -> float:
        return self.rate.threshold


def choose(seen: Sequence[Seen], budget: float, default: float) -> Choice:
    """The threshold for `budget` false alarms (above 0) in 1000 account-months; `default` where nothing can be said.

    Thresholds are whole tenths of a nat, and reached by a score that equals them.
    """
    basis, rate = _measured(seen, budget) or _extrapolated(seen, budget) or (Basis.DEFAULT, rate_at(seen, default))
    return Choice(budget, basis, rate, _months(seen), months_needed(budget))


def rate_at(seen: Sequence[Seen], threshold: float) -> Rate:
    """What was measured. Nothing seen promises nothing: then the bound is infinite."""
    months, accounts = _months(seen), sum(one.highest >= threshold for one in seen)
    return Rate(threshold, accounts, per_1000(accounts, months), bound(accounts, months))


def least(budget: float) -> float:
    """No threshold is lower, in nats, whatever was seen.

    Odds of 1000 to the budget are what it takes if all evidence were independent (Ville's inequality). Mail is not, so
    the honest threshold is higher; a lower one only says that too little was seen.

    >>> round(least(0.5), 1)
    7.6
    """
    return max(LEAST, log(PER / budget))


def _measured(seen: Sequence[Seen], budget: float) -> tuple[Basis, Rate] | None:
    months, ranked = _months(seen), sorted([one.highest for one in seen], reverse=True)
    if months < months_needed(budget):
        return None
    allowed, high = 0, min(len(ranked), int(budget * months / PER))  # the bound is above what was measured
    while allowed < high:
        middle = (allowed + high + 1) // 2
        allowed, high = (middle, high) if bound(middle, months) <= budget else (allowed, middle - 1)
    spared = ranked[allowed] if allowed < len(ranked) else LEAST
    return Basis.MEASURED, rate_at(seen, _bounded(_above(spared), budget))


def _extrapolated(seen: Sequence[Seen], budget: float) -> tuple[Basis, Rate] | None:
    months, ranked = _months(seen), sorted([one.highest for one in seen], reverse=True)
    tail = fit(ranked, months)
    if tail is None:
        return None
    continued = ceil(tail.threshold(budget / 2.0) * 10.0) / 10.0
    spared = ranked[int(budget * months / PER)]  # whatever the tail says, no more than the budget were to alarm
    measured = rate_at(seen, _bounded(max(continued, _above(spared)), budget))
    # The bound of what was measured holds whatever the tail is; a continued one may say more.
    at_most = min(measured.at_most, tail.bound(measured.threshold))
    return Basis.EXTRAPOLATED, Rate(measured.threshold, measured.accounts, tail.rate(measured.threshold), at_most)


def _months(seen: Sequence[Seen]) -> float:
    return sum([one.months for one in seen])


def _above(score: float) -> float:
    """The lowest threshold that this score does not reach."""
    return floor(score * 10.0 + 1.0) / 10.0


def _bounded(threshold: float, budget: float) -> float:
    return min(max(threshold, ceil(least(budget) * 10.0) / 10.0), MOST)
