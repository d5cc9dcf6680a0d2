"""From counts to weights of evidence in nats: tail bounds, and e-values (whose mean on honest mail is at most 1)."""

from functools import lru_cache
from math import exp, expm1, lgamma, log, sqrt
from typing import Final, NamedTuple

LEAST: Final = log(0.5)  # what `calibrated` says of a signal that is not unusual at all
FLOOR: Final = -0.7
CAP: Final = 8.0  # no group convicts alone


class Alternative(NamedTuple):
    """What the share of bad answers may be when something is wrong: the weights of a Beta distribution.

    Bad answers come in clusters: beyond `independent` recipients, more of them tell little more (over-dispersion).
    """

    bad: float
    good: float
    independent: float


def calibrated(surprise: float) -> float:
    """Nats of the e-value of a p-value exp(-surprise): `(1 - p + p ln p) / (p (ln p)^2)`.

    The mixture of all calibrators k p^(k-1) (Vovk and Wang, E-values, Annals of Statistics 2021), so that no k is
    chosen after the fact. Computed in logarithms: the surprise of a blast is in the thousands.

    >>> round(calibrated(-log(0.001)), 2), calibrated(0.0) == LEAST
    (3.03, True)
    """
    if surprise < 1e-4:  # the limit; the difference below would lose its digits
        return LEAST
    return log(-expm1(-surprise) - surprise * exp(-surprise)) + surprise - 2.0 * log(surprise)


def too_many(value: float, mean: float, variance: float) -> float:
    """-ln of a bound on P(X >= value) for a negative binomial count, or a Poisson one where the variance is small.

    Chernoff's bound: closed form, and never below the truth. 0 when the value is not above the mean (which is > 0).
    """
    if value <= mean:
        return 0.0
    poisson = value * log(value / mean)
    spread = variance / mean - 1.0
    if spread < 1e-6:
        return poisson - value + mean
    shape = mean / spread
    return max(0.0, poisson - (value + shape) * log((value + shape) / (mean + shape)))


def bad_list(refused: float, answered: float, usual: float, alternative: Alternative) -> float:
    """Nats of an e-value that so many of the answered recipients were refused where the share `usual` is usual.

    The odds of a list of which some unknown share is bad (the alternative) against the usual share: a mixture of
    likelihood ratios, honest however long one waits, and stronger on the first twenty recipients than a p-value would
    be. Over-dispersion (beta-binomial) leaves fewer effective recipients.

    >>> any_list = Alternative(1.0, 3.0, 50.0)
    >>> [round(bad_list(*seen, 0.02, any_list), 1) for seen in ((5, 20), (9, 300), (0, 0))]
    [5.4, -1.6, 0.0]
    """
    independent = alternative.independent
    effective = (independent + 1.0) / (independent + max(answered, 1.0))
    total = answered * effective
    # The odds are convex in the refused. A list far better than usual is unlike the usual one too, but that must not
    # speak against it: left of their lowest point (digamma(x) is nearly ln(x - 1/2)) all lists count as the one there.
    lowest = min(usual * (total + alternative.bad + alternative.good - 1.0) - alternative.bad + 0.5, total)
    bad = max(refused * effective, lowest)
    good = max(0.0, total - bad)
    weights = _log_beta(alternative.bad + bad, alternative.good + good) - _log_beta_of(alternative)
    nats = weights - bad * log(usual) - good * log(1.0 - usual)
    return nats if refused > usual * answered else min(nats, 0.0)


class Unusual(NamedTuple):
    """Of some counters the most that is usual, their weights of evidence in nats, and the mean of each family."""

    expected: list[float]
    nats: list[float]
    votes: list[float]


def unusual(values: list[float], usual: list[tuple[float, float]], families: tuple[tuple[int, int], ...]) -> Unusual:
    """Counters against the mean and variance that are usual for each; families are (first, last + 1).

    >>> found = unusual([9.0, 1.0, 2.0], [(1.0, 4.0), (1.0, 4.0), (4.0, 4.0)], ((0, 2), (2, 3)))
    >>> found.expected, [round(one, 1) for one in found.nats], [round(one, 1) for one in found.votes]
    ([5.0, 5.0, 8.0], [1.1, -0.7, -0.7], [0.6, -0.7])
    """
    expected: list[float] = []
    nats: list[float] = []
    for place, (mean, variance) in enumerate(usual):
        value = values[place]
        nats.append(calibrated(too_many(value, mean, variance)) if value > mean else LEAST)
        # People read "at most": two standard deviations above the mean of the daily peaks.
        expected.append(mean + 2.0 * sqrt(variance))
    return Unusual(expected, nats, [averaged(nats[first:end]) for first, end in families])


def with_rare_excuse(nats: float, share: float) -> float:
    """Nats of an e-value when so small a share of what is honest looks like the alternative: never above ln(1/share).

    >>> round(with_rare_excuse(5.0, 0.1), 1), round(with_rare_excuse(-1.0, 0.1), 1)
    (2.2, -0.9)
    """
    return -log((1.0 - share) * exp(-nats) + share)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


@lru_cache(maxsize=16)  # there are two
def _log_beta_of(alternative: Alternative) -> float:
    return _log_beta(alternative.bad, alternative.good)


def averaged(nats: list[float]) -> float:
    """Nats of the mean of e-values: an e-value again however they depend on each other (Vovk and Wang, section 3)."""
    highest = lowest = nats[0]
    for one in nats:
        highest = max(highest, one)
        lowest = min(lowest, one)
    if highest == lowest:
        return highest
    total = 0.0
    for one in nats:
        total += exp(one - highest)
    return highest + log(total / len(nats))


def bounded(nats: float) -> float:
    return min(max(nats, FLOOR), CAP)
