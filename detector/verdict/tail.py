"""The tail of the highest scores of honest accounts, continued to scores that none of them has reached.

Beyond its start a tail is taken for an exponential one: each nat more is reached by the same share of the accounts. It
is shorter where the accounts show it: groups of evidence are capped, so that bulk mailers come close to a score and not
beyond. That is a generalised Pareto distribution with an end (Hosking and Wallis, Technometrics 29, 1987), fitted by
mean and variance. And it goes on from the highest account, where that is lower: a few accounts that are unlike the
others make a tail look wide that is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, log, sqrt
from statistics import fmean, pvariance

from detector.verdict.rates import DOUBT, per_1000, poisson_mean

SHARE = 0.1  # of the accounts: their maxima are taken for the tail
LEAST = 10  # accounts; of fewer, the scale of the tail is known to no better than a third
LEAST_SCALE = 0.1  # nats, as fine as thresholds are written
SURELY = 1.64  # standard errors by which a tail must look shorter than an exponential one: one in twenty does by chance
SHORTEST = 1.0  # all scores up to the end are equally frequent


@dataclass(frozen=True, slots=True)
class Tail:
    """`accounts` of all accounts, seen for `months` in all, reach `start` or more; `highest` is the highest of them.

    `scale` is the mean of what they exceed the start by, in nats, and `widest` what it may be in truth. `shortness` is
    0 for an exponential tail and above for one with an end.
    """

    accounts: int
    months: float
    start: float
    highest: float
    scale: float
    widest: float
    shortness: float

    def threshold(self, rate: float) -> float:
        """Where so few accounts in 1000 account-months remain."""
        share = rate / per_1000(self.accounts, self.months)
        beyond = -log(share)
        if self.shortness > 0.0:
            beyond = (1.0 + self.shortness) * (1.0 - share**self.shortness) / self.shortness
        on_from_highest = max(0.0, log(per_1000(1.0, self.months) / rate))
        return min(self.start + beyond * self.scale, self.highest + on_from_highest * self.scale)

    def rate(self, threshold: float) -> float:
        """How many accounts are expected to reach it in 1000 account-months."""
        beyond = max(0.0, (threshold - self.start) / self.scale)
        share = exp(-beyond)
        if self.shortness > 0.0:
            left = max(0.0, 1.0 - self.shortness * beyond / (1.0 + self.shortness))
            share = left ** (1.0 / self.shortness)
        on_from_highest = exp((self.highest - threshold) / self.scale)
        return min(per_1000(self.accounts, self.months) * share, per_1000(1.0, self.months) * on_from_highest)

    def bound(self, threshold: float) -> float:
        """How many do so at most, with 95 % confidence, if the tail is no wider than an exponential one.

        The doubt is shared by the two things that are not known: how many reach the start, and how wide the tail is.
        """
        accounts = poisson_mean(self.accounts, DOUBT / 2.0)
        return per_1000(accounts, self.months) * exp(min(0.0, (self.start - threshold) / self.widest))


def fit(scores: Sequence[float], months: float) -> Tail | None:
    """The tail of the accounts' highest scores; None where too few say anything (are above 0)."""
    ranked = sorted(scores, reverse=True)
    number = min(ceil(SHARE * len(ranked)), sum(score > 0.0 for score in ranked))
    if number < LEAST:
        return None
    start = ranked[number - 1]
    # What they exceed the lowest of them by: of exponential maxima these are exponential again, whatever lies below.
    excess = [score - start for score in ranked[: number - 1]]
    scale = max(LEAST_SCALE, fmean(excess))
    # A sum of n exponential values is below x as often as a Poisson number of mean x is n or more.
    widest = max(LEAST_SCALE, sum(excess) / poisson_mean(len(excess) - 1, 1.0 - DOUBT / 2.0))
    return Tail(number, months, start, ranked[0], scale, widest, _shortness(excess))


def _shortness(excess: Sequence[float]) -> float:
    variance = pvariance(excess)
    if variance == 0.0:
        return 0.0  # all equal: nothing is known of the way on
    seen = (fmean(excess) ** 2 / variance - 1.0) / 2.0
    return min(max(0.0, seen - SURELY / sqrt(len(excess))), SHORTEST)
