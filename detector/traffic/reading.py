"""How an account's texts read: what its clean ones were like, and the evidence that the latest ones left."""

from msgspec import Struct

from detector.traffic.amounts import Amount, Nats
from detector.traffic.clock import DAY
from detector.traffic.counters import decayed
from detector.traffic.sums import surprise

CLASSES = 7  # of surprise, one nat each: share of clean mail above 37 %, 14 %, 5 %, 2 %, 0.7 %, 0.25 %, less
MOST_TEXTS = 400.0  # then all counts are halved: people change their subjects
FLEET_WEIGHT = 20.0  # all accounts' clean mail weighs as much as so many texts of the account's own


class Reading(Struct, frozen=True, array_like=True, gc=False):
    """`nats` stood at `at` (Unix seconds) and fade by half in a day; `counts` are clean texts by class of surprise,
    `odd` those of them that were built as abuse often is.

    >>> reading = Reading()
    >>> for _ in range(40): reading = reading.learn(3.5)  # a newsletter always reads like advertising
    >>> round(Reading().surprise(4.0), 1), round(reading.surprise(3.5), 1)
    (4.0, 0.4)
    """

    nats: Nats = 0.0
    at: Amount = 0.0
    counts: tuple[Amount, ...] = ()
    odd: Amount = 0.0

    def nats_at(self, now: float) -> float:
        return decayed(self.nats, DAY, now - self.at)

    def surprise(self, fleet: float) -> float:
        """-ln of the share of this account's clean texts that read as badly, where `fleet` is that of all accounts'.

        Empirical Bayes: own texts and all accounts' together. No more is made of n own texts than they can show, which
        is one in n + 1 (a conformal p-value; Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World).
        """
        return surprise(self.counts, _class(fleet), fleet, FLEET_WEIGHT)

    def odd_share(self, fleet: float) -> float:
        """The share of this account's texts that are built oddly, where `fleet` is that of all accounts'."""
        return (self.odd + FLEET_WEIGHT * fleet) / (sum(self.counts) + FLEET_WEIGHT)

    def learn(self, fleet: float, odd: bool = False) -> "Reading":
        """With one more clean text."""
        counts, odd_ones = list(self.counts or (0.0,) * CLASSES), self.odd + odd
        counts[_class(fleet)] += 1.0
        if sum(counts) > MOST_TEXTS:
            counts, odd_ones = [count / 2.0 for count in counts], odd_ones / 2.0
        return Reading(self.nats, self.at, tuple(counts), odd_ones)

    def weighed(self, nats: float, now: float) -> "Reading":
        """With so much evidence at `now`."""
        return Reading(nats, now, self.counts, self.odd)


def _class(surprise: float) -> int:
    return min(int(surprise), CLASSES - 1)
