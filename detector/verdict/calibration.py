"""One knob: how many false alarms may there be in 1000 account-months? The answer is a threshold for the score.

It comes from honest accounts: for how long each was seen, and its highest score in that time. One number for an
account, however often it was suspicious, because its mails resemble each other and accounts do not. How many accounts
reach a threshold is then a Poisson number, and Garwood's exact bound (Biometrika 28, 1936) says how high its mean is at
most.

Where there is enough clean traffic, the threshold is the lowest one whose bound keeps the budget: a quantile of the
maxima, measured whatever their distribution is. Where there is less, the tail of the maxima is continued as an
exponential one, and the threshold raised by ln 2 of its scale, which halves the rate. That is an assumption, and said
to be one. Rates are accounts that reach the threshold at least once, in 1000 account-months of 30 days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, exp, floor, lgamma, log

from detector.verdict.judge import GROUPS_NEEDED, SPEAKS
from detector.verdict.odds import CAP
from detector.verdict.verdict import Group

PER = 1000.0
DOUBT = 0.05  # that the true rate is above its bound
TAIL = 0.1  # share of the accounts whose maxima are taken for the tail
LEAST_TAIL = 10  # accounts; of fewer, the scale of the tail is known to no better than a third
LEAST_SCALE = 0.1  # nats, as fine as thresholds are written
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
    """The threshold for a budget. For an extrapolated one `rate` is that of the continued tail.

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


@dataclass(frozen=True, slots=True)
class _Tail:
    """`accounts` of all maxima are at or above `start`; beyond it they become rarer by e every `scale` nats."""

    accounts: int
    start: float
    scale: float
    widest: float  # what the scale may be, at most

    def rate(self, threshold: float, months: float) -> tuple[float, float]:
        """Expected, and at most. The doubt is shared by the two things that are not known: how many, how wide."""
        beyond = threshold - self.start
        expected = per_1000(self.accounts, months) * exp(-beyond / self.scale)
        return expected, per_1000(poisson_mean(self.accounts, DOUBT / 2.0), months) * exp(-beyond / self.widest)


def choose(seen: Sequence[Seen], budget: float, default: float) -> Choice:
    """The threshold for `budget` false alarms (above 0) in 1000 account-months; `default` where nothing can be said.

    Thresholds are whole tenths of a nat, and reached by a score that equals them.
    """
    months, ranked = _months(seen), sorted([one.highest for one in seen], reverse=True)
    allowed = _allowed(len(ranked), months, budget)
    needed = months_needed(budget)
    if allowed is not None:
        reached = ranked[allowed] if allowed < len(ranked) else LEAST
        rate = rate_at(seen, _bounded(floor(reached * 10.0 + 1.0) / 10.0, budget))
        return Choice(budget, Basis.MEASURED, rate, months, needed)
    tail = _tail(ranked)
    if tail is None:
        return Choice(budget, Basis.DEFAULT, rate_at(seen, default), months, needed)
    beyond = log(2.0 * per_1000(tail.accounts, months) / budget)
    threshold = _bounded(ceil((tail.start + beyond * tail.scale) * 10.0) / 10.0, budget)
    accounts = rate_at(seen, threshold).accounts
    rate = Rate(threshold, accounts, *tail.rate(threshold, months))
    return Choice(budget, Basis.EXTRAPOLATED, rate, months, needed)


def rate_at(seen: Sequence[Seen], threshold: float) -> Rate:
    """What was measured. Nothing seen promises nothing: then the bound is infinite."""
    months, accounts = _months(seen), sum(one.highest >= threshold for one in seen)
    return Rate(threshold, accounts, per_1000(accounts, months), bound(accounts, months))


def bound(accounts: int, months: float) -> float:
    """With 95 % confidence the rate in 1000 account-months is not higher, when `accounts` alarmed within `months`.

    >>> round(bound(0, 6000.0), 2), round(bound(3, 6000.0), 2)
    (0.5, 1.29)
    """
    return per_1000(poisson_mean(accounts, DOUBT), months)


def months_needed(budget: float) -> float:
    """Account-months without any alarm after which the budget is kept with 95 % confidence: the rule of three.

    >>> round(months_needed(0.5))
    5991
    """
    return PER * poisson_mean(0, DOUBT) / budget


def least(budget: float) -> float:
    """No threshold is lower, in nats, whatever was seen.

    Odds of 1000 to the budget are what it takes if all evidence were independent (Ville's inequality). Mail is not, so
    the honest threshold is higher; a lower one only says that too little was seen.

    >>> round(least(0.5), 1)
    7.6
    """
    return max(LEAST, log(PER / budget))


def per_1000(alarms: float, months: float) -> float:
    return PER * alarms / months if months > 0.0 else float("inf")


def poisson_mean(count: int, probability: float) -> float:
    """The mean of a Poisson number that is at most `count` with this probability.

    >>> round(poisson_mean(0, 0.05), 3), round(poisson_mean(10, 0.05), 3)
    (2.996, 16.962)
    """
    low, high = 0.0, 1.0
    while _at_most(count, high) > probability:
        low, high = high, 2.0 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2.0
        low, high = (middle, high) if _at_most(count, middle) > probability else (low, middle)
    return high


def _months(seen: Sequence[Seen]) -> float:
    return sum([one.months for one in seen])


def _allowed(accounts: int, months: float, budget: float) -> int | None:
    """How many of the accounts may alarm so that the bound keeps the budget; None: not even none."""
    if months < months_needed(budget):
        return None
    low, high = 0, min(accounts, int(budget * months / PER))  # the bound is above what was measured
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if bound(middle, months) <= budget else (low, middle - 1)
    return low


def _tail(ranked: Sequence[float]) -> _Tail | None:
    """The highest maxima, as far as they say anything, as the tail of an exponential distribution."""
    number = min(ceil(TAIL * len(ranked)), sum(score > 0.0 for score in ranked))
    if number < LEAST_TAIL:
        return None
    start = ranked[number - 1]
    # What they exceed the lowest of them by are number - 1 exponential times, whatever lies below (Renyi 1953).
    excess = sum([score - start for score in ranked[: number - 1]])
    scale = max(LEAST_SCALE, excess / (number - 1))
    # A sum of n exponential times is below x as often as a Poisson number of mean x is n or more.
    widest = max(LEAST_SCALE, excess / poisson_mean(number - 2, 1.0 - DOUBT / 2.0))
    return _Tail(number, start, scale, widest)


def _bounded(threshold: float, budget: float) -> float:
    return min(max(threshold, ceil(least(budget) * 10.0) / 10.0), MOST)


def _at_most(count: int, mean: float) -> float:
    """The probability that a Poisson number is at most `count`; summed from its largest term, which is no underflow."""
    start = min(count, int(mean))
    largest = exp(start * log(mean) - mean - lgamma(start + 1.0)) if mean > 0.0 else 1.0
    total = term = largest
    for number in range(start, 0, -1):
        term *= number / mean
        total += term
        if term < total * 1e-17:
            break
    term = largest
    for number in range(start + 1, count + 1):
        term *= mean / number
        total += term
        if term < total * 1e-17:
            break
    return total
