"""Who else lately sent the same text, or led to the same place: what makes forty careful accounts one campaign.

Honest accounts share texts too: templates of a provider, invoice software, vacation notes. So only accounts count that
are suspicious by their own other evidence (COMPA, NDSS 2013), and only as far as chance does not explain them.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import exp2, log
from typing import Annotated

from msgspec import Meta, Struct

from detector.mail.content import Content
from detector.traffic.amounts import Amount
from detector.traffic.clock import DAY

MOST_KEYS = 24  # of a message: one text, four bands, sixteen pivots, and room
MOST_SUSPECTS = 16  # with half of them the group of evidence has long reached its cap
PLACES = 64  # innocents fall into: hundreds are told from a few, and more need not be
HOUR = 3600.0  # a suspect seen again before that is not written again: it would weigh 3 % more
FORGET = 3 * DAY  # a suspect weighs an eighth by then
TURN = FORGET / 2  # innocents are remembered in two halves, for 36 to 72 hours

# The share of honest accounts that chance alone makes suspicious within the three days remembered. Suspicious is one
# with 2 nats of other evidence, in one group a p-value of 0.0045: four groups and three days make 0.054, and half more
# for those who share a template and so their busy days. (Markov's inequality would allow an e-value exp(-2) = 0.135.)
SUSPICIOUS_BY_CHANCE = 0.08

ALL_PLACES = (1 << PLACES) - 1

Account = Annotated[int, Meta(ge=0, lt=2**32)]
Places = Annotated[int, Meta(ge=0)]  # 64 bits: MessagePack knows no larger number


class Sightings(Struct, frozen=True, array_like=True, gc=False):
    """The accounts that lately sent one text, near-duplicate or pivot: at most 0.3 KB packed, however many they are.

    `suspects` are the newest suspicious accounts, in the order in which they were last seen so, `suspected_at` (Unix
    seconds). Of `innocents` only the number matters, and it must not grow when one of them sends often: each sets the
    bit of its hash, in the half of the memory that began `since`; the half before that is `innocents_before`.
    (`gc=False`: there are hundred thousands of these, and never a cycle.)

    >>> sightings = Sightings().notice(1, True, now=0.0).notice(2, True, now=0.0).notice(3, False, now=0.0)
    >>> sightings.accounts(now=0.0), round(sightings.suspicious_others(3, now=0.0), 1)
    (3, 2.0)
    """

    suspects: Annotated[tuple[Account, ...], Meta(max_length=MOST_SUSPECTS)] = ()
    suspected_at: Annotated[tuple[Amount, ...], Meta(max_length=MOST_SUSPECTS)] = ()
    innocents: Places = 0
    innocents_before: Places = 0
    since: Amount = 0.0

    def notice(self, account: int, suspicious: bool, now: float) -> "Sightings":
        """With an account (a 32-bit hash) that sends it; the same object when there is nothing to remember.

        Suspicion outlives a message that looks innocent, but not a day of them. Of too many suspects, the one that was
        not seen for longest is forgotten: more are no stronger evidence.
        """
        current, place = self._at(now), 1 << account % PLACES
        if not (suspicious or current.suspects):  # as nearly always
            if current.innocents & place:
                return current
            return Sightings((), (), current.innocents | place, current.innocents_before, current.since)
        suspect = account in current.suspects
        age = abs(now - current.suspected_at[current.suspects.index(account)]) if suspect else FORGET
        if age < (HOUR if suspicious else DAY) or (not suspicious and not suspect and current.innocents & place):
            return current
        suspects = [one for one in zip(current.suspects, current.suspected_at, strict=True) if one[0] != account]
        if not suspicious:
            return _of(suspects, current.innocents | place, current.innocents_before, current.since)
        # The first message of a campaign shows nothing yet: who is found out later was no innocent.
        suspects = [*suspects, (account, now)][-MOST_SUSPECTS:]
        return _of(suspects, current.innocents & ~place, current.innocents_before & ~place, current.since)

    def suspicious_others(self, account: int, now: float) -> float:
        """How many other suspicious accounts sent it, each half as much after each day; less where innocents do too."""
        suspects, places = self.suspects, self._places(now)
        surely = places.bit_count() - len(suspects) - 1
        if surely > 0 and len(suspects) <= _EXPLAINED[surely]:  # a popular template: no need to look closer
            return 0.0
        times = [at for suspect, at in zip(suspects, self.suspected_at, strict=True) if suspect != account]
        suspicious = sum([exp2(min(at - now, 0.0) / DAY) for at in times if -DAY <= now - at < FORGET])
        return beyond_chance(suspicious, _innocents(places, (account, *suspects))) if suspicious else 0.0

    def accounts(self, now: float) -> int:
        """How many different accounts lately sent it: exact for a few, roughly up to some hundred."""
        suspicious = sum([-DAY <= now - at < FORGET for at in self.suspected_at])
        return suspicious + round(_innocents(self._places(now), self.suspects))

    @property
    def shared(self) -> bool:
        """Whether it says something about others: there is a suspicious account, or were lately two of them."""
        return bool(self.suspects) or (self.innocents | self.innocents_before).bit_count() > 1

    def _at(self, now: float) -> "Sightings":
        """Without what is too old by now. A time far ahead of now was that of a wrong clock."""
        age = now - self.since
        if -DAY <= age < TURN:
            return self
        suspects = []
        if self.suspects:
            pairs = zip(self.suspects, self.suspected_at, strict=True)
            suspects = [(suspect, at) for suspect, at in pairs if -DAY <= now - at < FORGET]
        if TURN <= age < FORGET:
            return _of(suspects, 0, self.innocents, self.since + TURN)
        return _of(suspects, 0, 0, now)

    def _places(self, now: float) -> int:
        """All that innocents have, not too old by now."""
        current = self._at(now)
        return current.innocents | current.innocents_before


def _of(suspects: Sequence[tuple[int, float]], innocents: int, innocents_before: int, since: float) -> Sightings:
    accounts, times = tuple([account for account, _ in suspects]), tuple([at for _, at in suspects])
    return Sightings(accounts, times, innocents, innocents_before, since)


def beyond_chance(suspicious: float, innocent: float) -> float:
    """As many suspicious accounts as would, without any innocent one, be as hard to explain by chance.

    Where sharing a text has nothing to do with suspicion, the suspicious among n accounts are binomial; Chernoff bounds
    the chance of a share q or more of them by exp(-n KL(q | p)), where p is `SUSPICIOUS_BY_CHANCE`. s suspicious ones
    alone have p^s, so the nats are divided by those of one. Never more than s - i p/(1-p): each innocent takes back at
    least the suspicious ones that come with it. Nothing when there are 11.5 innocents to a suspicious one.

    >>> [round(beyond_chance(*seen), 1) for seen in ((3, 0), (3, 2), (4, 8), (10, 20), (10, 200))]
    [3.0, 1.7, 1.2, 3.1, 0.0]
    """
    share = suspicious / (suspicious + innocent) if suspicious > 0.0 else 0.0
    if share <= SUSPICIOUS_BY_CHANCE:
        return 0.0
    nats = suspicious * log(share / SUSPICIOUS_BY_CHANCE)
    if share < 1.0:
        nats += innocent * log((1.0 - share) / (1.0 - SUSPICIOUS_BY_CHANCE))
    return max(0.0, nats / -log(SUSPICIOUS_BY_CHANCE))


def accomplices(sightings: Iterable[Sightings], account: int, now: float) -> float:
    """By the key of a message that says most. Not the sum: the keys of a message come and go together."""
    return max([one.suspicious_others(account, now) for one in sightings if one.suspects], default=0.0)


def keys_of(content: Content) -> tuple[int, ...]:
    """Under what a message is remembered, at most `MOST_KEYS`. A text too short to be compared is no campaign.

    The text stands beside its bands because an imitated template shares these with the innocent who use the true one.
    """
    texts = (content.text, *content.bands) if content.bands else ()
    return tuple(dict.fromkeys((*texts, *content.pivots)))[:MOST_KEYS]


@lru_cache(maxsize=4096)  # asked for twice for each message
def hashed(account: str, key: bytes) -> int:
    """An account in 32 bits; without the key (at most 64 bytes) nobody can tell which. One in 4 billion is another."""
    digest = blake2b(account.encode("utf-8", "surrogateescape"), digest_size=4, key=key, person=b"campaign").digest()
    return int.from_bytes(digest, "big")


def _innocents(places: int, but: tuple[int, ...]) -> float:
    """About how many have these places, when those accounts do not count."""
    others = ALL_PLACES
    for account in but:
        others &= ~(1 << account % PLACES)
    return _number((places & others).bit_count(), others.bit_count())


def _number(filled: int, of: int) -> float:
    """How many accounts there are when so many of so many places are filled.

    Linear counting (Whang, Vander-Zanden, Taylor 1990): the emptier the places, the fewer accounts share one.
    """
    return -PLACES * log(1.0 - min(filled, of - 0.5) / of)


# How many suspicious accounts chance explains beside the innocents of so many places.
_EXPLAINED = [
    SUSPICIOUS_BY_CHANCE / (1.0 - SUSPICIOUS_BY_CHANCE) * _number(filled, PLACES) for filled in range(PLACES + 1)
]
