"""What became of an account's mail over weeks: which share bounced, which share was complained of."""

from msgspec import Struct

from detector.traffic.amounts import Amount
from detector.traffic.clock import DAY, latest
from detector.traffic.counters import decayed

HALF_LIFE = 28 * DAY
# Below that, one bounce is a percent: a share would be an accident. Feedback loops of large receivers ask for at least
# as many before they tell any.
LEAST_SENT = 100.0


class Reputation(Struct, frozen=True, array_like=True, gc=False):
    """Recipients whose mail the next hop took; of these bounced later, complained of, and told to come again later.

    Half is forgotten in 28 days.

    >>> month = Reputation().add(now=0.0, sent=400).add(now=0.0, bounced=8, complained=1)
    >>> month.bounce_share, month.complaint_share
    (0.02, 0.0025)
    >>> Reputation().add(now=0.0, sent=20, bounced=8).bounce_share is None
    True
    """

    updated_at: Amount = 0.0
    sent: Amount = 0.0
    bounced: Amount = 0.0
    complained: Amount = 0.0
    deferred: Amount = 0.0

    def at(self, now: float) -> "Reputation":
        """Forget what time has taken; `now` in Unix seconds."""
        return self.add(now)

    def add(
        self, now: float, sent: float = 0.0, bounced: float = 0.0, complained: float = 0.0, deferred: float = 0.0
    ) -> "Reputation":
        at = latest(self.updated_at, now)
        left = decayed(1.0, HALF_LIFE, at - self.updated_at)
        return Reputation(
            at,
            self.sent * left + sent,
            self.bounced * left + bounced,
            self.complained * left + complained,
            self.deferred * left + deferred,
        )

    @property
    def bounce_share(self) -> float | None:
        """None where too little was sent to tell."""
        return self._share(self.bounced)

    @property
    def complaint_share(self) -> float | None:
        """As `bounce_share`."""
        return self._share(self.complained)

    @property
    def deferred_share(self) -> float | None:
        """As `bounce_share`; greylists (RFC 6647) tell every stranger to come again, so by itself it means nothing."""
        return self._share(self.deferred)

    def _share(self, count: float) -> float | None:
        # What bounced may have been sent before we counted.
        return min(count / self.sent, 1.0) if self.sent >= LEAST_SENT else None
