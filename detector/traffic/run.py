"""What comes one after the other: recipients in alphabetical order, messages to nobody but strangers."""

from msgspec import Struct

from detector.traffic.amounts import Number

MOST = 10_000


class Run(Struct, frozen=True, array_like=True, gc=False):
    """How long the present runs are. Of the last recipient only the first two letters are kept: no address.

    Of n recipients in random order, n rises in a row have the probability 1 / n!. `to_strangers` counts the messages
    since the last one of which some recipient was known: a list is being worked off.

    >>> run = Run()
    >>> for name in ("anna", "bernd", "carl", "berta"): run = run.add(name)
    >>> run.length
    1
    """

    last: Number = 0
    length: Number = 0
    to_strangers: Number = 0

    def add(self, local_part: str) -> "Run":
        """The same beginning neither lengthens the run nor ends it."""
        first = int.from_bytes(local_part[:2].lower().encode("utf-8", "surrogateescape")[:2].ljust(2, b"\0"), "big")
        if first == self.last:
            return self
        return Run(first, self.length + 1 if first > self.last else 1, self.to_strangers)

    def message(self, only_strangers: bool) -> "Run":
        """One more message."""
        return Run(self.last, self.length, min(self.to_strangers + 1, MOST) if only_strangers else 0)
