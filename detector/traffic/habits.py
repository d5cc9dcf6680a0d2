"""Where an account usually is: the networks and reverse-paths that it was seen with, and since when."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from msgspec import Struct

from detector.traffic.amounts import Number
from detector.traffic.clock import DAY

HABIT_AFTER = 2 * DAY  # a thief who tries the password, and begins when the day is over, must not be at home by then
HOME_AFTER = 14 * DAY  # then it is so old that what comes from there is the owner's; in a young account half its age
MOST_HABITS = 8
MOST_SEEN = 12  # the rest is for strangers: many of them within the hour are evidence


# Parsing is slow, and the same clients come again.
@lru_cache(maxsize=4096)
def network_of(client: str) -> str:
    """The customer's network: the first 24 bits of an IPv4, 48 of an IPv6 address; empty if the text is no address.

    >>> network_of("192.0.2.77"), network_of("2001:db8:1:2::3"), network_of("unknown")
    ('192.0.2', '2001:0db8:0001', '')
    """
    try:
        address = ip_address(client.partition("%")[0])  # RFC 4007: a zone is no part of the network
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.exploded[:14] if isinstance(address, IPv6Address) else str(address).rpartition(".")[0]


class Seen(Struct, frozen=True, array_like=True, gc=False):
    """A keyed 32-bit hash of a network or reverse-path, with the first and the last time, in whole Unix seconds."""

    key: Number
    first_seen: Number
    last_seen: Number

    def habitual(self, now: float) -> bool:
        return now - self.first_seen >= HABIT_AFTER


class Habits(Struct, frozen=True, array_like=True, gc=False):
    """What was seen, in bounded number.

    >>> habits = Habits().notice(1, now=0.0).notice(2, now=260_000.0)
    >>> habits.usual(1, now=260_000.0), habits.usual(2, now=260_000.0)
    (True, False)
    """

    seen: tuple[Seen, ...] = ()

    def notice(self, key: int, now: float) -> "Habits":
        """The habits after `key` was seen at `now`."""
        at = int(now)
        if self.seen and self.seen[-1].key == key and len(self.seen) <= MOST_SEEN:  # the same as last time, as mostly
            return Habits((*self.seen[:-1], Seen(key, min(self.seen[-1].first_seen, at), at)))
        first_seen, others = at, []
        for seen in self.seen:
            if seen.key == key:
                # A clock that was ahead once must not make it a stranger for as long.
                first_seen = min(seen.first_seen, at)
            else:
                others.append(seen)
        if len(others) >= MOST_SEEN:
            others.remove(_least_useful(others, now))
        return Habits((*others, Seen(key, first_seen, at)))

    def home(self, key: int, now: float, age: float = 2.0 * HOME_AFTER) -> bool:
        """Whether it is known for so long that it is the owner's. `age` (seconds): since when the account is known."""
        home_after = max(HABIT_AFTER, min(HOME_AFTER, age / 2.0))
        for seen in self.seen:
            if seen.key == key:
                return now - seen.first_seen >= home_after
        return False

    def usual(self, key: int, now: float) -> bool:
        for seen in self.seen:
            if seen.key == key:
                return seen.habitual(now)
        return False

    def any_usual(self, now: float) -> bool:
        for seen in self.seen:  # noqa: SIM110 - asked some ten times for each message, and a generator takes twice as long
            if now - seen.first_seen >= HABIT_AFTER:
                return True
        return False

    def strange(self, key: int, now: float) -> bool | None:
        """Whether it is no habit of an account that has some.

        None where nothing can be said: what is seen is not known (0), or the account has no habits.
        """
        if not key:
            return None
        habits = None
        for seen in self.seen:
            if now - seen.first_seen >= HABIT_AFTER:
                if seen.key == key:
                    return False
                habits = True
        return habits

    def count_within(self, span: float, now: float) -> int:
        """How many different ones were seen in the last `span` seconds."""
        return sum(now - span < seen.last_seen <= now for seen in self.seen)

    def without_since(self, time: float) -> "Habits":
        """The habits without those that came up at `time` or later."""
        return Habits(tuple(seen for seen in self.seen if seen.first_seen < time))


def _least_useful(seen: list[Seen], now: float) -> Seen:
    """The one to forget: a thief with a thousand networks must not make us forget the owner's."""
    habits = [one for one in seen if one.habitual(now)]
    strangers = [one for one in seen if not one.habitual(now)]
    crowd = strangers if strangers and len(habits) <= MOST_HABITS else habits
    return min(crowd, key=lambda one: one.last_seen)
