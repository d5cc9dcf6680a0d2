"""From counts to weights of evidence in nats: tail bounds, and e-values (whose mean on honest mail is at most 1)."""

from collections.abc import Sequence
from math import exp, expm1, log

LEAST = log(0.5)  # what `calibrated` says of a signal that is not unusual at all
FLOOR = -0.7
CAP = 8.0  # no group convicts alone
OVERDISPERSION = 50.0  # addresses go bad in clusters: beyond so many, more of them tell little more


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


def too_large_a_share(part: float, whole: float, usual: float) -> float:
    """-ln of a bound on the chance that `part` of `whole` fail where `usual` (a share between 0 and 1) is usual.

    Chernoff's bound of the binomial, with fewer effective trials for over-dispersion (beta-binomial).
    """
    if whole <= 0.0 or part / whole <= usual:
        return 0.0
    share = min(1.0, part / whole)
    divergence = share * log(share / usual)
    if share < 1.0:
        divergence += (1.0 - share) * log((1.0 - share) / (1.0 - usual))
    return whole * (OVERDISPERSION + 1.0) / (OVERDISPERSION + whole) * divergence


def averaged(nats: Sequence[float]) -> float:
    """Nats of the mean of e-values: an e-value again however they depend on each other (Vovk and Wang, section 3)."""
    highest = max(nats)
    return highest + log(sum([exp(one - highest) for one in nats]) / len(nats))


def bounded(nats: float) -> float:
    return min(max(nats, FLOOR), CAP)
