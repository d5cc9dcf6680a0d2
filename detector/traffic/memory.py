"""Memories of bounded size: short keyed hashes in the order in which they were last needed, the oldest forgotten first.

A queue of Bloom filters of the same size would hold half as many again, but take 2 % of strangers for friends, and each
of these would pass the recipient window unseen: twenty a minute in a blast of a thousand. These hashes err 1 in 20,000.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import ClassVar, Self

from msgspec import Struct

LONGEST_WAIT = 6  # days on which one message is tried: Postfix gives up after five times 24 hours


def _hashed(text: str, key: bytes, size_bytes: int) -> bytes:
    """`key` has at most 64 bytes (RFC 7693 section 2.1)."""
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=size_bytes, key=key).digest()


# The same recipient is asked for, counted and remembered, and the same client comes again and again.
keyed_hash = lru_cache(maxsize=4096)(_hashed)


@lru_cache(maxsize=4096)
def keyed_number(text: str, key: bytes) -> int:
    """A hash of 32 bits. `key` has at most 64 bytes (RFC 7693 section 2.1)."""
    return int.from_bytes(_hashed(text, key, 4), "big")


class Memory(Struct, frozen=True, array_like=True, gc=False):
    """Remembers texts by keyed hashes: without the key nobody can tell for which texts they stand.

    >>> memory = KnownRecipients().add(KnownRecipients.hashed("bob@example.org", b"key"))
    >>> KnownRecipients.hashed("bob@example.org", b"key") in memory
    True
    """

    HASH_BYTES: ClassVar[int]
    MOST_ENTRIES: ClassVar[int]

    hashes: bytes = b""

    @classmethod
    def hashed(cls, text: str, key: bytes) -> bytes:
        """`key` has at most 64 bytes (RFC 7693 section 2.1)."""
        return keyed_hash(text, key, cls.HASH_BYTES)

    def __contains__(self, hashed: bytes) -> bool:
        place = self.hashes.find(hashed)
        return place >= 0 and (not place % self.HASH_BYTES or self._place(hashed) >= 0)

    def add(self, hashed: bytes) -> Self:
        """A memory that knows it. One that stands in the newer half is left in its place: most writing is saved so."""
        place = self._place(hashed)
        if place >= self.MOST_ENTRIES // 2 * self.HASH_BYTES or 0 <= place == len(self.hashes) - self.HASH_BYTES:
            return self
        rest = self.hashes if place < 0 else self.hashes[:place] + self.hashes[place + self.HASH_BYTES :]
        return type(self)((rest + hashed)[-self.MOST_ENTRIES * self.HASH_BYTES :])

    def without(self, hashed: bytes) -> Self:
        """A memory that has forgotten it."""
        place = self._place(hashed)
        return self if place < 0 else type(self)(self.hashes[:place] + self.hashes[place + self.HASH_BYTES :])

    def shorter(self, length: int) -> Self:
        """Without the oldest entries, by at least so many bytes."""
        return type(self)(self.hashes[-(-length // self.HASH_BYTES) * self.HASH_BYTES :])

    def _place(self, hashed: bytes) -> int:
        place = self.hashes.find(hashed)
        while place % self.HASH_BYTES and place >= 0:  # across the border of two others
            place = self.hashes.find(hashed, place + 1)
        return place


class KnownRecipients(Memory, frozen=True, array_like=True, gc=False):
    """Whom the account has reached before."""

    HASH_BYTES = 3
    MOST_ENTRIES = 720


class Counted(Memory, frozen=True, array_like=True, gc=False):
    """Which messages are counted already, and which refusals: two octets of hash, and the day on which that was.

    To miss 1 in 300 does no harm.
    """

    HASH_BYTES = 3
    MOST_ENTRIES = 128

    @classmethod
    def hashed(cls, text: str, key: bytes) -> bytes:
        """Not remembered, as each message has another one."""
        return _hashed(text, key, cls.HASH_BYTES)

    @classmethod
    def stamped(cls, hashed: bytes, day: int) -> bytes:
        """`day` is a UTC day."""
        return hashed[:-1] + bytes([day % 256])

    def since(self, hashed: bytes, day: int) -> int | None:
        """How many days before `day` it was added; None if it was not, or is forgotten."""
        days, hashes = [], self.hashes
        end = len(hashes) - 1
        place = hashes.find(hashed[:-1], 0, end)  # sought once, and not once for each of the days
        while place >= 0:
            if not place % self.HASH_BYTES:
                days.append((day - hashes[place + self.HASH_BYTES - 1]) % 256)
            place = hashes.find(hashed[:-1], place + 1, end)
        return ago if days and (ago := min(days)) < LONGEST_WAIT else None
