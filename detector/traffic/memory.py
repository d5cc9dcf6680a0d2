"""Memories of bounded size: a queue of small Bloom filters; when the newest is full, the oldest is forgotten."""

from hashlib import blake2b
from typing import Annotated, ClassVar, Self

from msgspec import Meta, Struct

SLICE_BYTES = 128
POSITION_BITS = 10  # 2 ** 10 bits are 128 bytes
POSITIONS = 8  # bits for each entry: near the optimum for 10 to 14 bits of room for each


def mask_of(text: str, key: bytes) -> int:
    """The bits of a text in a slice, all in one number. Without the key nobody can tell which text they stand for."""
    digest_size = POSITIONS * POSITION_BITS // 8
    digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=digest_size, key=key).digest()
    rest = int.from_bytes(digest, "little")
    mask = 0
    for _ in range(POSITIONS):
        mask |= 1 << (rest & (8 * SLICE_BYTES - 1))
        rest >>= POSITION_BITS
    return mask


class Memory(Struct, frozen=True, array_like=True):
    """Remembers masks. It may believe to know a strange one (a percent or two), and forgets the oldest when full.

    >>> memory = KnownRecipients().add(mask_of("bob@example.org", b"key"))
    >>> mask_of("bob@example.org", b"key") in memory
    True
    """

    MOST_SLICES: ClassVar[int]
    ENTRIES: ClassVar[int]  # in each slice

    slices: tuple[Annotated[bytes, Meta(min_length=SLICE_BYTES, max_length=SLICE_BYTES)], ...] = ()
    fill: int = 0  # entries in the newest slice, which stands last

    def __contains__(self, mask: int) -> bool:
        # A loop and not any(): this is the most frequent thing of all, and a generator takes twice as long.
        for piece in reversed(self.slices):  # noqa: SIM110
            if int.from_bytes(piece, "little") & mask == mask:
                return True
        return False

    def add(self, mask: int) -> Self:
        """A memory that knows the mask; one that stands in the older half only is written again, so that it stays."""
        newer_half = self.slices[-((self.MOST_SLICES + 1) // 2) :]
        if any(int.from_bytes(piece, "little") & mask == mask for piece in newer_half):
            return self
        if not self.slices or self.fill >= self.ENTRIES:
            return type(self)((*self.slices, mask.to_bytes(SLICE_BYTES, "little"))[-self.MOST_SLICES :], 1)
        newest = int.from_bytes(self.slices[-1], "little") | mask
        return type(self)((*self.slices[:-1], newest.to_bytes(SLICE_BYTES, "little")), self.fill + 1)


class KnownRecipients(Memory, frozen=True, array_like=True):
    """Whom the account has reached before: the last 1241 at least; 2 % of strangers pass as known when it is full."""

    MOST_SLICES = 18
    ENTRIES = 73


class CountedPairs(Memory, frozen=True, array_like=True):
    """Which (message, recipient) pairs are counted: the last 510 at least; 5 % of new ones are missed when full."""

    MOST_SLICES = 6
    ENTRIES = 102
