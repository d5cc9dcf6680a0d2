"""64-bit numbers that stand for octets: equal on every host, and nobody can read from them what they stand for."""

from hashlib import blake2b
from typing import Final

BANDS: Final = 4

# Each has a person of its own, and is begun once: to copy it takes half as long.
_TEXT: Final = blake2b(digest_size=8, person=b"text")
_BANDS: Final = [blake2b(digest_size=8, person=b"band%d" % band) for band in range(BANDS)]


def number64(kind: str, value: str) -> int:
    """A number that stands for a value of a kind."""
    return int.from_bytes(blake2b(f"{kind}:{value}".encode("utf-8", "replace"), digest_size=8).digest(), "big")


def text_number(octets: bytes) -> int:
    """Of a whole text: equal for equal octets."""
    begun = _TEXT.copy()
    begun.update(octets)
    return int.from_bytes(begun.digest(), "big")


def band_numbers(octets: bytes) -> tuple[int, ...]:
    """One for each of four equal pieces."""
    length = len(octets) // BANDS
    found = []
    for band in range(BANDS):
        begun = _BANDS[band].copy()
        begun.update(octets[band * length : (band + 1) * length])
        found.append(int.from_bytes(begun.digest(), "big"))
    return tuple(found)
