"""What is counted aside: amounts of the last day that are no signals of their own, but tell what others mean."""

from msgspec import Struct
from msgspec.structs import replace

from detector.traffic.amounts import Amount
from detector.traffic.clock import DAY, latest
from detector.traffic.counters import decayed


class Lately(Struct, frozen=True, array_like=True):
    """Amounts as they stood at `updated_at` (Unix seconds), which forget half in each day.

    `elsewhere`: recipients of mail from networks or programs that the account has no habit of using.
    `probed`: recipients of held messages that went out for the sake of their answers, the last one at `probed_at`.

    >>> Lately().add(4.0, now=0.0).add(1.0, now=86_400.0).elsewhere
    3.0
    """

    updated_at: Amount = 0.0
    elsewhere: Amount = 0.0
    probed: Amount = 0.0
    probed_at: Amount = 0.0

    def at(self, now: float) -> "Lately":
        """Forget what time has taken."""
        at = latest(self.updated_at, now)
        elapsed = at - self.updated_at
        return Lately(at, decayed(self.elsewhere, DAY, elapsed), decayed(self.probed, DAY, elapsed), self.probed_at)

    def add(self, recipients: float, now: float) -> "Lately":
        """With mail from elsewhere to so many; none: it is only tried again."""
        if not recipients:
            return self
        then = self.at(now)
        return replace(then, elsewhere=then.elsewhere + recipients)

    def probe(self, recipients: float, now: float) -> "Lately":
        """With a probe to so many."""
        then = self.at(now)
        return replace(then, probed=then.probed + recipients, probed_at=then.updated_at)
