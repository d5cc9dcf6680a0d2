"""For what may go wrong with every message: it is told once in a while, and how often it was."""

EVERY = 60.0  # seconds


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
