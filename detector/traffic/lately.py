"""What is counted aside: amounts of the last day that are no signals of their own, but tell what others mean."""

from msgspec import Struct
from msgspec.structs import replace

from detector.traffic.amounts import Amount
from detector.traffic.clock import DAY, latest
from detector.traffic.counters import decayed


class Lately(Struct, frozen=True, array_like=True, gc=False):
    """Amounts as they stood at `updated_at` (Unix seconds), which forget half in each day.

    `elsewhere`: recipients of mail from networks or programs that the account has no habit of using.
    `probed`: recipients of held messages that went out for the sake of their answers, the last one at `probed_at`.
    `withheld`: strangers whom the next hop accepted in held messages in which it refused others, less those whose mail
    was delivered since, so that nobody counts twice.

    >>> Lately().add(4.0, now=0.0).add(1.0, now=86_400.0).elsewhere
    3.0
    """

    updated_at: Amount = 0.0
    elsewhere: Amount = 0.0
    probed: Amount = 0.0
    probed_at: Amount = 0.0
    withheld: Amount = 0.0

    def at(self, now: float) -> "Lately":
        """Forget what time has taken."""
        at = latest(self.updated_at, now)
        elapsed = at - self.updated_at
        elsewhere, probed = decayed(self.elsewhere, DAY, elapsed), decayed(self.probed, DAY, elapsed)
        return Lately(at, elsewhere, probed, self.probed_at, decayed(self.withheld, DAY, elapsed))

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

    def withhold(self, recipients: float, now: float) -> "Lately":
        """With so many strangers accepted beside those refused, and the message held."""
        then = self.at(now)
        return replace(then, withheld=then.withheld + recipients)

    def answer(self, recipients: float, now: float) -> "Lately":
        """With so many strangers whose mail was delivered: now they answer for themselves."""
        if not self.withheld:
            return self
        then = self.at(now)
        return replace(then, withheld=max(0.0, then.withheld - recipients))
