"""How often something happens, when few cases were seen: rates in 1000 account-months, and their upper bounds.

A month has 30 days. How many of many accounts alarm is a Poisson number, and Garwood's exact bound (Biometrika 28,
1936) says how high its mean is at most.
"""

from math import exp, lgamma, log

PER = 1000.0
DOUBT = 0.05  # that the true rate is above its bound


def per_1000(alarms: float, months: float) -> float:
    return PER * alarms / months if months > 0.0 else float("inf")


def bound(alarms: int, months: float) -> float:
    """With 95 % confidence the rate in 1000 account-months is not higher, when `alarms` came within `months`.

    >>> round(bound(0, 6000.0), 2), round(bound(3, 6000.0), 2)
    (0.5, 1.29)
    """
    return per_1000(poisson_mean(alarms, DOUBT), months)


def months_needed(rate: float) -> float:
    """Account-months without any alarm after which the rate is not higher, with 95 % confidence: the rule of three.

    >>> round(months_needed(0.5))
    5991
    """
    return PER * poisson_mean(0, DOUBT) / rate


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


def _at_most(count: int, mean: float) -> float:
    """The probability that a Poisson number is at most `count`; summed from its largest term, which is no underflow."""
    start = min(count, int(mean))
    largest = exp(start * log(mean) - mean - lgamma(start + 1.0))
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
