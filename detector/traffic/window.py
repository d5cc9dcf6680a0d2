"""The recipient window: how many first-time recipients may be on their way without a known result (as in TCP)."""

from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from detector.traffic.amounts import Amount, Number
from detector.traffic.clock import DAY, latest
from detector.traffic.counters import decayed

NARROW_FOR = 3600.0
# A place whose transaction never ended (a crash) is free again. From RCPT to its end one hardly takes so long:
# `relay.limits.data_time` and `next_hop.reply_time` are 15 minutes together.
LOST_AFTER = 1200.0
MOST_BUCKETS = 12
DOMAINS_NEEDED = 5  # a thief cannot widen the window with mailboxes of his own at one or two domains
REFUSED_COST = 10.0
REFUSED_ALLOWED = 0.05  # share of refused addresses that any grown list has
# As TCP's slow start, which doubles in each round: in the five minutes that a server waits before it tries again there
# are two rounds of results, so four times as many places when all were clean.
CLEAN_CREDIT = 3.0
HALF_LIFE = DAY
# After a release: as long as a network or a program must be seen before it is the account's home (`traffic.habits`).
PROBATION = 14 * DAY
PROBATION_CREDIT = 1.0  # places for a clean recipient; the owner needs few, and the thief may still be on the device


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """Places at the start, at least and at most; `clean_after` seconds after delivery a recipient counts as clean."""

    start: int = 20
    least: int = 5
    most: int = 500
    clean_after: float = 600.0


class Bucket(Struct, frozen=True, array_like=True, gc=False):
    """So many recipients that leave at `due` (Unix seconds), and the hashes of their domains as bits."""

    due: Number
    count: Number
    domains: int = 0


class Window(Struct, frozen=True, array_like=True, gc=False):
    """`reserved`: passed on, without the next hop's final answer. `ripening`: delivered, not yet clean.

    Until `narrow_until` (Unix seconds) the window is at its least, because the judge has doubts. Until
    `probation_until` it begins at its least and grows by one place for each clean recipient.
    """

    updated_at: Amount = 0.0
    clean: Amount = 0.0
    refused: Amount = 0.0
    reserved: tuple[Bucket, ...] = ()
    ripening: tuple[Bucket, ...] = ()
    narrow_until: Number = 0
    probation_until: Number = 0

    @property
    def in_flight(self) -> int:
        return sum([bucket.count for bucket in self.reserved]) + sum([bucket.count for bucket in self.ripening])

    def size(self, limits: WindowLimits) -> int:
        """W: grows by three places for a clean recipient, shrinks by ten for a refused one beyond the usual share."""
        if self.updated_at < self.narrow_until <= self.updated_at + NARROW_FOR + 1:
            return limits.least
        too_many = max(0.0, self.refused - REFUSED_ALLOWED * (self.clean + self.refused))
        start, credit = limits.start, CLEAN_CREDIT
        if self.updated_at < self.probation_until <= self.updated_at + PROBATION + 1:
            start, credit = limits.least, PROBATION_CREDIT
        wanted = start + credit * self.clean - REFUSED_COST * too_many
        return int(min(max(wanted, limits.least), limits.most))

    def at(self, now: float, limits: WindowLimits) -> "Window":
        """The window at `now`: what was delivered long enough ago has become clean and left its place."""
        at = latest(self.updated_at, now)
        elapsed = at - self.updated_at
        ripe = sum([bucket.count for bucket in self.ripening if bucket.due <= at])
        credit = ripe if ripe and self._domains.bit_count() >= DOMAINS_NEEDED else 0
        return Window(
            at,
            decayed(self.clean, HALF_LIFE, elapsed) + credit,
            decayed(self.refused, HALF_LIFE, elapsed),
            _waiting(self.reserved, at, LOST_AFTER),
            _waiting(self.ripening, at, limits.clean_after),
            self.narrow_until,
            self.probation_until,
        )

    def reserve(self) -> "Window":
        """One more on its way. Call it on a window that is up to date, `at(now)`."""
        reserved = _joined(self.reserved, self.updated_at, LOST_AFTER, Bucket(0, 1))
        return replace(self, reserved=reserved)

    def give_back(self, count: int) -> "Window":
        """So many reserved places are free again, the oldest first."""
        left, reserved = count, []
        for bucket in self.reserved:
            taken = min(bucket.count, left)
            left -= taken
            if bucket.count > taken:
                reserved.append(Bucket(bucket.due, bucket.count - taken, bucket.domains))
        return replace(self, reserved=tuple(reserved))

    def deliver(self, count: int, domains: int, limits: WindowLimits) -> "Window":
        """So many first-time recipients were accepted for good; they ripen now."""
        ripening = _joined(self.ripening, self.updated_at, limits.clean_after, Bucket(0, count, domains))
        return replace(self, ripening=ripening)

    def refuse(self, count: int) -> "Window":
        """So many first-time recipients were refused by the next hop."""
        return replace(self, refused=self.refused + count)

    def learn(self, delivered: bool) -> "Window":
        """The result of one first-time recipient that was accepted before; call it on a window that is up to date.

        Until enough domains have answered, a clean one only frees its place.
        """
        ripening, domains = list(self.ripening), self._domains
        for place, bucket in enumerate(ripening):
            if bucket.count:
                ripening[place] = replace(bucket, count=bucket.count - 1)
                break
        else:
            return self if delivered else self.refuse(1)
        clean = self.clean + (delivered and domains.bit_count() >= DOMAINS_NEEDED)
        return replace(self, ripening=tuple(ripening), clean=clean, refused=self.refused + (not delivered))

    @property
    def _domains(self) -> int:
        domains = 0
        for bucket in self.ripening:
            domains |= bucket.domains
        return domains

    def on_probation(self, now: float) -> "Window":
        """Begin anew at the least, with nothing refused and nothing clean."""
        return replace(self, clean=0.0, refused=0.0, narrow_until=0, probation_until=int(now + PROBATION))

    def narrow(self, now: float) -> "Window":
        """At its least for the next hour."""
        return replace(self, narrow_until=int(now + NARROW_FOR))


def _waiting(buckets: tuple[Bucket, ...], now: float, span: float) -> tuple[Bucket, ...]:
    # What is due later than anything can be was written by a clock that ran ahead.
    return tuple([bucket for bucket in buckets if now < bucket.due <= now + 2 * span + 1])


def _joined(buckets: tuple[Bucket, ...], now: float, span: float, more: Bucket) -> tuple[Bucket, ...]:
    """The buckets with one more; due times are rounded up to a tenth of the span so that they stay few."""
    grain = max(1, int(span / 10))
    due = (int(now + span) // grain + 1) * grain
    if not more.count:
        return buckets
    if not buckets or due > buckets[-1].due:
        return _few((*buckets, Bucket(due, more.count, more.domains)))
    last = buckets[-1]
    return (*buckets[:-1], Bucket(last.due, last.count + more.count, last.domains | more.domains))


def _few(buckets: tuple[Bucket, ...]) -> tuple[Bucket, ...]:
    if len(buckets) <= MOST_BUCKETS:
        return buckets
    oldest, second, *rest = buckets
    return (Bucket(second.due, oldest.count + second.count, oldest.domains | second.domains), *rest)
