"""Who complained of an account's mail: nobody who means well writes to them again."""

from msgspec import Struct
from msgspec.structs import replace

from detector.traffic.amounts import Amount
from detector.traffic.clock import DAY, latest
from detector.traffic.counters import decayed

HASH_BYTES = 3
"""Of a recipient's keyed hash, as `traffic.counting.complainer` makes it: a stranger in a million is one."""
MOST = 16  # people look at the account long before
WEEK = 7 * DAY
KEPT_WEEKS = 26  # then the list may have been cleaned, and its owner may be another
ENTRY = HASH_BYTES + 1


class Complainers(Struct, frozen=True, array_like=True, gc=False):
    """Short keyed hashes, each with the week of the complaint; the oldest stands first.

    `again` counts recipients of mail that went to one of them all the same; half of it is forgotten in a day.

    >>> some = Complainers().add(b"8octets1", now=0.0)
    >>> some.has(b"8octets1", now=1.0), some.has(b"8octets1", now=400 * DAY), some.has(b"another1", now=1.0)
    (True, False, False)
    """

    entries: bytes = b""
    again: Amount = 0.0
    updated_at: Amount = 0.0

    def has(self, recipient: bytes, now: float) -> bool:
        """Whether he complained within the last half year."""
        place = self._place(recipient)
        return place >= 0 and (_week(now) - self.entries[place + HASH_BYTES]) % 256 <= KEPT_WEEKS

    def add(self, recipient: bytes, now: float) -> "Complainers":
        place = self._place(recipient)
        rest = self.entries if place < 0 else self.entries[:place] + self.entries[place + ENTRY :]
        entry = recipient[:HASH_BYTES] + bytes([_week(now) % 256])
        return replace(self, entries=(rest + entry)[-MOST * ENTRY :])

    def at(self, now: float) -> "Complainers":
        """Forget what time has taken."""
        at = latest(self.updated_at, now)
        return replace(self, updated_at=at, again=decayed(self.again, DAY, at - self.updated_at))

    def mail(self, count: int, now: float) -> "Complainers":
        """So many of them got mail again."""
        then = self.at(now)
        return replace(then, again=then.again + count)

    def __len__(self) -> int:
        return len(self.entries) // ENTRY

    def __bool__(self) -> bool:
        return bool(self.entries)

    def _place(self, recipient: bytes) -> int:
        short = recipient[:HASH_BYTES]
        return next((at for at in range(0, len(self.entries), ENTRY) if self.entries.startswith(short, at)), -1)


def _week(now: float) -> int:
    return int(now // WEEK)
