"""Fingerprints of a text: one that is equal for equal texts, and some of which near-duplicates share at least one."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from detector.content.words import Hashes, hashes, mixed

SHORTEST_WORD = 3
LEAST_WORDS = 15  # fewer different ones say nothing: "see you tomorrow" is no campaign
BINS = 24
BANDS = 4

_EMPTY = np.uint64((1 << 64) - 1)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """64-bit numbers, equal on every host. `bands` is empty for texts too short to be compared."""

    exact: int
    bands: tuple[int, ...]


def fingerprint(found: list[str]) -> Fingerprint:
    """Of the words of a text: case, numbers, links, marks, short words and line breaks make no difference."""
    found = [word for word in found if len(word) >= SHORTEST_WORD]
    exact = number64("text", " ".join(found))
    different = set(found)
    return Fingerprint(exact, _bands(hashes([*different])) if len(different) >= LEAST_WORDS else ())


def number64(kind: str, value: str) -> int:
    """A number that stands for a value of a kind."""
    return int.from_bytes(blake2b(f"{kind}:{value}".encode("utf-8", "replace"), digest_size=8).digest(), "big")


def _bands(different: Hashes) -> tuple[int, ...]:
    """One-permutation MinHash (Li, Owen, Zhang 2012) of the words: the least number in each of 24 bins, six to a band.

    Texts whose words have the Jaccard similarity s share a band with the probability 1 - (1 - s^6)^4. Words, not
    shingles of them: one changed word spoils five shingles of five. An empty bin takes from the next one that is
    not (Shrivastava and Li 2014).
    """
    numbers = mixed(different).astype(np.uint64)
    least = np.full(BINS, _EMPTY)
    np.minimum.at(least, ((numbers * np.uint64(BINS)) >> np.uint64(32)).astype(np.intp), numbers)
    filled = np.flatnonzero(least != _EMPTY)
    least = least[filled[np.searchsorted(filled, np.arange(BINS)) % len(filled)]]
    return tuple(_number(band, least[band::BANDS].tobytes()) for band in range(BANDS))


def _number(band: int, minima: bytes) -> int:
    return int.from_bytes(blake2b(minima, digest_size=8, person=b"band%d" % band).digest(), "big")
