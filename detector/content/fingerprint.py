"""Fingerprints of a text: equal for equal texts, shared in part by near-duplicates; and a sketch to compare two."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from detector.content.numbered import BANDS, band_numbers, text_number
from detector.content.words import Hashes, Words, mixed

SHORTEST_WORD = 3
LEAST_WORDS = 15  # fewer different ones say nothing: "see you tomorrow" is no campaign
LEAST_TO_SKETCH = 5
BINS = 24

_FIRST_IN_BIN = np.array([-(-(number << 32) // BINS) for number in range(BINS)], np.uint32)


class Fingerprint(Struct, frozen=True, gc=False):
    """64-bit numbers, equal on every host. `bands` is empty for texts too short to be looked for among all accounts'.

    The share of equal octets in two sketches is near the share of words that the texts have in common.
    """

    exact: int
    bands: tuple[int, ...]
    sketch: bytes = b""


def fingerprint(found: Words) -> Fingerprint:
    """Of the words of a text: case, numbers, links, marks, short words and line breaks make no difference."""
    kept = found.wholes.compress(found.letters >= SHORTEST_WORD)
    numbers = mixed(kept)
    numbers.sort()
    different = int(np.count_nonzero(numbers[1:] != numbers[:-1])) + 1
    if different < LEAST_TO_SKETCH:
        return of_octets(kept.tobytes(), different, b"", b"")
    least = _least(numbers)
    return of_octets(kept.tobytes(), different, least.reshape(-1, BANDS).T.tobytes(), least.astype(np.uint8).tobytes())


def of_octets(words: bytes, different: int, bands: bytes, sketch: bytes) -> Fingerprint:
    """Of the words' numbers, of how many of them are different, and of the least ones, band by band."""
    # Six minima to a band: texts with the Jaccard similarity s share one with the probability 1 - (1 - s^6)^4.
    return Fingerprint(text_number(words), band_numbers(bands) if different >= LEAST_WORDS else (), sketch)


def _least(numbers: Hashes) -> NDArray[np.uint64]:
    """One-permutation MinHash (Li, Owen, Zhang 2012) of the words' ascending numbers: the least in each of 24 bins.

    Words, not shingles of them: one changed word spoils five shingles of five. An empty bin takes from the next one
    that is not (Shrivastava and Li 2014).
    """
    # What comes first at or after the beginning of a bin is the least in it, or else in the next one that is not empty.
    return numbers.take(numbers.searchsorted(_FIRST_IN_BIN), mode="wrap").astype(np.uint64)
