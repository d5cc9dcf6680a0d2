"""Plain arithmetic on the numbers of a profile: compiled, because each message needs it for all of them.

Functions take and give tuples, and know nothing of profiles: the attributes of those are no faster in machine code.
"""

from math import exp, log
from typing import Any

Numbers = tuple[float, ...]
# Whole numbers stay what they are, as a profile stores them so.
Mixed = tuple[Any, ...]


def faded(values: Numbers, left: list[float], which: tuple[int, ...]) -> Numbers:
    """Each value times its share of what time has left.

    >>> faded((8.0, 8.0, 3.0), [0.5, 0.25], (0, 1, 0))
    (4.0, 2.0, 1.5)
    """
    return tuple([values[place] * left[which[place]] for place in range(len(values))])


def with_tally(values: Mixed, added: tuple[tuple[int, int, bool], ...], tally: Mixed) -> Mixed:
    """Counters after a tally: (which counter, which field of the tally, whether that is a level) tells what is added.

    >>> with_tally((1.0, 5.0, 7.0), ((0, 1, False), (2, 0, True)), (3.0, 4.0))
    (5.0, 5.0, 3.0)
    """
    changed: list[Any] = []
    for place, measure, is_level in added:
        new = tally[measure]
        if new:
            if not changed:
                changed = list(values)
            changed[place] = new if is_level else changed[place] + new
    return tuple(changed) if changed else values


def highest(peaks: Mixed, values: Mixed, which: tuple[int, ...]) -> Mixed:
    """The peaks, and those of the values that are above them.

    >>> highest((1.0, 5.0, 2.0), (3.0, 4.0, 9.0), (0, 1))
    (3.0, 5.0, 2.0)
    """
    changed: list[Any] = []
    for place in which:
        if values[place] > peaks[place]:
            if not changed:
                changed = list(peaks)
            changed[place] = values[place]
    return tuple(changed) if changed else peaks


def expected(
    which: tuple[int, ...], share: float, own: tuple[Numbers, Numbers], usual: tuple[Numbers, Numbers, Numbers]
) -> list[tuple[float, float]]:
    """Mean and variance of some features: `own` ones with their share, the rest of what is `usual`.

    The last of the usual numbers are dispersions: no variance is less than so many times its mean.

    >>> expected((1,), 0.5, ((0.0, 2.0), (0.0, 1.0)), ((0.0, 4.0), (0.0, 3.0), (0.0, 1.5)))
    [(3.0, 4.5)]
    """
    means, variances = own
    usual_means, usual_variances, dispersions = usual
    others = 1.0 - share
    found: list[tuple[float, float]] = []
    for place in which:
        mean = share * means[place] + others * usual_means[place]
        variance = share * variances[place] + others * usual_variances[place]
        least = dispersions[place] * mean
        found.append((mean, max(variance, least)))
    return found


def surprise(counts: Numbers, place: int, fleet: float, weight: float) -> float:
    """As `Reading.surprise`: `counts` of clean texts by class, that of this text stands at `place`.

    >>> round(surprise((), 3, 3.5, 20.0), 6), round(surprise((0.0, 0.0, 0.0, 40.0), 3, 3.5, 20.0), 1)
    (3.5, 0.4)
    """
    share, own, as_bad = exp(-fleet), 0.0, 0.0
    for index, count in enumerate(counts):
        own += count
        if index >= place:
            as_bad += count
    together = (as_bad + weight * share) / (own + weight)
    return -log(min(1.0, max(together, min(share, 1.0 / (own + 1.0)))))


def alike(sketch: bytes, others: list[bytes], least: float) -> int:
    """The first of the sketches of which at least so many octets are those of this one; -1 where none is.

    >>> alike(b"abcd", [b"abc", b"abxx", b"abcd"], 2.0), alike(b"abcd", [b"axxx"], 2.0), alike(b"", [b""], 0.0)
    (1, -1, -1)
    """
    length = len(sketch)
    if not length:
        return -1
    for place, other in enumerate(others):
        if len(other) != length:
            continue
        equal = 0
        for index in range(length):
            if sketch[index] == other[index]:
                equal += 1
        if equal >= least:
            return place
    return -1
