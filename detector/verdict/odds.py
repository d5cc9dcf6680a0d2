"""From counts to weights of evidence in nats: tail bounds, and e-values (whose mean on honest mail is at most 1)."""

from collections.abc import Sequence
from math import exp, expm1, lgamma, log

LEAST = log(0.5)  # what `calibrated` says of a signal that is not unusual at all
FLOOR = -0.7
CAP = 8.0  # no group convicts alone
OVERDISPERSION = (
    20.0  # addresses go bad in clusters (an old address book): beyond so many, more of them tell little more
)
BAD, GOOD = 1.0, 3.0  # what a thief's list may be like: any share, a quarter in the mean


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


def bad_list(refused: float, answered: float, usual: float) -> float:
    """Nats of an e-value that so many of the answered recipients were refused where the share `usual` is usual.

    The odds of a list of which some unknown share is bad (Beta distributed, a quarter in the mean) against the usual
    share: a mixture of likelihood ratios, honest however long one waits, and stronger on the first twenty recipients
    than a p-value would be. Over-dispersion (beta-binomial) leaves fewer effective recipients.

    >>> round(bad_list(5, 20, 0.02), 1), round(bad_list(9, 300, 0.02), 1), bad_list(0, 0, 0.02)
    (3.8, -1.3, 0.0)
    """
    effective = (OVERDISPERSION + 1.0) / (OVERDISPERSION + max(answered, 1.0))
    total = answered * effective
    # The odds are convex in the refused. A list far better than usual is unlike the usual one too, but that must not
    # speak against it: left of their lowest point (digamma(x) is nearly ln(x - 1/2)) all lists count as the one there.
    lowest = min(usual * (total + BAD + GOOD - 1.0) - BAD + 0.5, total)
    bad = max(refused * effective, lowest)
    good = max(0.0, total - bad)
    nats = _log_beta(BAD + bad, GOOD + good) - _log_beta(BAD, GOOD) - bad * log(usual) - good * log(1.0 - usual)
    return nats if refused > usual * answered else min(nats, 0.0)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def averaged(nats: Sequence[float]) -> float:
    """Nats of the mean of e-values: an e-value again however they depend on each other (Vovk and Wang, section 3)."""
    highest = max(nats)
    return highest + log(sum([exp(one - highest) for one in nats]) / len(nats))


def bounded(nats: float) -> float:
    return min(max(nats, FLOOR), CAP)
