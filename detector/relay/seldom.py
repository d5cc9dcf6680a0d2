"""For what may go wrong with every message: it is told once in a while, and how often it was."""

from collections import defaultdict
from collections.abc import Hashable

EVERY = 60.0  # seconds

MOST = 1000
"""Of those that are counted each for itself. Beyond them all are forgotten, and each is told anew."""


class Seldom:
    """Counts between two tellings. One that is told at once is told again after `EVERY` seconds at the earliest.

    >>> seldom = Seldom()
    >>> [seldom.times_to_tell(now) for now in (0.0, 1.0, 59.0, 60.0, 60.5)]
    [1, 0, 0, 3, 0]
    """

    def __init__(self) -> None:
        self._untold = 0
        self._told_at = float("-inf")

    def times_to_tell(self, now: float, times: int = 1) -> int:
        """It has happened so many more times; how many there are to tell now, 0 for none yet."""
        self._untold += times
        if 0.0 <= now - self._told_at < EVERY:  # a clock that is set back must not silence us
            return 0
        told, self._untold, self._told_at = self._untold, 0, now
        return told


class SeldomEach:
    """The same for each of many.

    >>> each = SeldomEach()
    >>> [each.times_to_tell(who, now) for who, now in (("ann", 0.0), ("bob", 1.0), ("ann", 2.0), ("ann", 61.0))]
    [1, 1, 0, 2]
    """

    def __init__(self) -> None:
        self._each: dict[Hashable, Seldom] = defaultdict(Seldom)

    def times_to_tell(self, which: Hashable, now: float) -> int:
        if len(self._each) >= MOST:
            self._each.clear()
        return self._each[which].times_to_tell(now)
