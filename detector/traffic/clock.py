"""How the clock of an account runs: never back by a little, back by a lot only because it was wrong before."""

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


def day_of(now: float) -> int:
    """The number of the UTC day since 1970."""
    return int(now // DAY)
