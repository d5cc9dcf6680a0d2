"""How the clock of an account runs: never back by a little, back by a lot only because it was wrong before."""

import math

DAY = 86400.0
END_OF_TIME = 4294967295.0  # 2106: times are packed in 32 bits


def latest(before: float, now: float) -> float:
    """The time to go on with, in Unix seconds, when the last time was `before` and the clock says `now`.

    Several hosts and NTP disagree by seconds: the later time counts, so that nothing is aged twice. A clock that is
    more than a day behind tells that the earlier time was the wrong one; keeping it would stop all forgetting.

    >>> latest(1000.0, 998.0), latest(9_000_000.0, 1000.0)
    (1000.0, 1000.0)
    """
    later = now if now >= before or now < before - DAY else before
    if 0.0 <= later <= END_OF_TIME:
        return later
    return min(max(later, 0.0), END_OF_TIME)


def told_twice(before: float, now: float) -> float:
    """The time by which ages may be told when something is erased for its age, in Unix seconds.

    A round of erasing was made when the clock said `before` (minus infinity: there was none), and another is made now.
    What was not too old by then may only look old. After a leap of more than a day nothing can be told before the
    clock has gone on as it should: it may be wrong twice.

    >>> told_twice(0.0, 3600.0), told_twice(3600.0, 0.0), told_twice(0.0, 9_000_000.0)
    (0.0, 0.0, -inf)
    """
    return min(before, now) if abs(now - before) <= DAY else -math.inf


def day_of(now: float) -> int:
    """The number of the UTC day since 1970."""
    return int(now // DAY)
