"""Words of a text as numbers: what the model and the fingerprint count. The same in training and at run time."""

import re
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint32]

MOST_TEXT = 2000  # characters of a text that are read
MOST_WORDS = 250  # of them that the model counts: about 1500 characters, where a message has said what it wants
STEM = 6  # letters: the beginning of a word survives endings in every language
APART = "+"  # begins what stands for itself, whole and without neighbours; no word contains it

_SIGNS = "!?$%£€"
_MARKS = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalpha() and chr(code) not in _SIGNS})
_NO_WORDS = re.compile(r"[^\w!?$%£€]+|[0-9_]+")  # the same, where `translate` is slow


def words(text: str) -> list[str]:
    """Lower-case words at the beginning of a text, and the signs that mean something; no numbers, links, addresses.

    >>> words("You've won $5,000! Visit http://win.example/now :-)")
    ['youve', 'won', '$', '!', 'visit']
    """
    text = text[:MOST_TEXT].lower().replace("\u2019", "'").replace("'", "")
    for mark in ("@", "//", "www."):
        if mark in text:
            text = " ".join([word for word in text.split() if mark not in word])
    text = text.translate(_MARKS) if text.isascii() else _NO_WORDS.sub(" ", text)
    for sign in _SIGNS:
        text = text.replace(sign, f" {sign} ")
    return text.split()


def features(found: list[str]) -> Hashes:
    """Distinct stems and pairs of neighbouring stems of the first words, as 32-bit numbers in ascending order.

    Before the words may stand what begins with `APART`.
    """
    begin = number_apart(found)
    single = hashes([word[:STEM] for word in found[begin : begin + MOST_WORDS]])
    numbers = np.concatenate((hashes(found[:begin]), single, _paired(single)))
    numbers.sort()
    first = np.ones(len(numbers), np.bool_)  # what `np.unique` does, in a tenth of its time for so few
    np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
    return numbers[first]


def number_apart(found: list[str]) -> int:
    """How many at the beginning are no words of the text."""
    number = 0
    while number < len(found) and found[number][0] == APART:
        number += 1
    return number


def hashes(found: list[str]) -> Hashes:
    octets = " ".join(found).encode("utf-8", "replace")
    return np.fromiter(map(crc32, octets.split(b" ") if found else ()), np.uint32, len(found))


def mixed(numbers: Hashes) -> Hashes:
    """Spread over all 32 bits (CRC-32 is linear: similar words have similar numbers)."""
    numbers = (numbers ^ (numbers >> np.uint32(15))) * np.uint32(0x85EBCA77)
    numbers = (numbers ^ (numbers >> np.uint32(13))) * np.uint32(0xC2B2AE3D)  # odd, as in xxHash
    return numbers ^ (numbers >> np.uint32(16))


def _paired(single: Hashes) -> Hashes:
    if len(single) < 2:
        return single[:0]
    return mixed(single[:-1] * np.uint32(0x9E3779B1) + single[1:])
