"""Words of a text as numbers: what the model and the fingerprint count. The same in training and at run time.

No word becomes a string of its own. A text is a row of code points, and the number of a word is that of a polynomial
whose coefficients are its letters: the difference of two prefix sums (Karp and Rabin 1987), for all words at once.
"""

import re
from itertools import accumulate

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Hashes = NDArray[np.uint32]
Numbers = NDArray[np.uint64]

MOST_TEXT = 2000  # characters of a text that are read
MOST_WORDS = 250  # of them that the model counts: about 1500 characters, where a message has said what it wants
STEM = 6  # letters: the beginning of a word survives endings in every language
LONGEST = 16_384  # characters of all texts together; more there are only where nearly each is a sign, and has blanks
MOST_ODD = 40  # kinds of marks outside ASCII that are replaced kind by kind

_SIGNS = "!?$%£€"
_SIGNS_APART = [(sign.encode(), f" {sign} ".encode()) for sign in _SIGNS]
_ADDRESSED = ("@", "//", "www.")  # a word with one of them is an address or a link
_BLANKS = bytes(
    code if code >= 128 or chr(code).isalpha() or chr(code) in _SIGNS else ord(" ") for code in range(256)
)  # of UTF-8
_ASCII = bytes(range(128))
_SIMPLE = bytes(
    ord(" " if chr(code).isspace() else mark if (mark := chr(code).lower()).isalpha() or mark in "!?$%'@/." else "-")
    for code in range(128)
).ljust(256, b"-")
_NO_LETTERS = re.compile(r"[^\w!?$%£€]")

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_POWERS = np.cumprod(np.full(LONGEST, _BASE, np.uint64))
_INVERSES = np.cumprod(np.full(LONGEST, pow(_BASE, -1, 1 << 64), np.uint64))
_SUBJECT, _PAIR = np.uint64(0xD1B54A32D192ED03), np.uint64(0x8CB92BA72F3D8DD7)  # odd, and nothing else
_MIXER, _HALF = np.uint64(0xFF51AFD7ED558CCD), np.uint64(32)  # as in MurmurHash3


class Words(Struct, frozen=True, eq=False, gc=False):
    """The words of some texts in their order. `ends`: how many words there are up to the end of each text.

    Equal words have equal numbers on every host. Not all bits of them are equally good: before they are compared in
    part or in order, they are `mixed`.
    """

    stems: Numbers
    wholes: Numbers
    letters: NDArray[np.intp]
    ends: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.letters)

    def part(self, number: int) -> "Words":
        """The words of one of the texts."""
        first, last = self.ends[number - 1] if number else 0, self.ends[number]
        return Words(self.stems[first:last], self.wholes[first:last], self.letters[first:last], (last - first,))


def words(*texts: str) -> Words:
    """The words of some texts, as `plain` has them."""
    pieces = [plain(text) for text in texts]
    written = f" {' '.join(pieces)} "[: LONGEST - 1] + " "
    codes = np.frombuffer(written.encode("utf-32-le"), "<u4")
    within = codes != ord(" ")
    edges = (within[1:] != within[:-1]).nonzero()[0]  # the last blank before a word, its last letter, and so on
    before, last = edges[::2], edges[1::2]
    letters = last - before
    sums = (codes * _POWERS[: len(codes)]).cumsum()
    begun, inverses = sums.take(before), _INVERSES.take(before)
    stems = (sums.take(np.minimum(last, before + STEM)) - begun) * inverses
    wholes = (sums.take(last) - begun) * inverses
    ends = before.searchsorted(np.array([*accumulate([len(piece) + 1 for piece in pieces])]))
    return Words(stems, wholes, letters, tuple(ends.tolist()))


def plain(text: str) -> str:
    """Lower-case words at the beginning of a text, and the signs that mean something; no numbers, links, addresses.

    >>> plain("You've won $5,000! Visit http://win.example/now :-)").split()
    ['youve', 'won', '$', '!', 'visit']
    """
    if not text:
        return text
    text = text[:MOST_TEXT].lower().replace("\u2019", "'")
    for mark in _ADDRESSED:
        if mark in text:
            text = "\n".join([_without(line, mark) if mark in line else line for line in text.split("\n")])
    octets = text.encode("utf-8", "surrogatepass").translate(_BLANKS, b"'")
    for sign, apart in _SIGNS_APART:
        octets = octets.replace(sign, apart)
    text = octets.decode("utf-8", "surrogatepass")
    return text if octets.isascii() else _without_odd(text, octets)


def simple(text: str) -> str:
    """The beginning of a text for `kernel`, which takes the words itself where all is ASCII; else as `plain` has it.

    Small letters, blanks, what makes an address, apostrophes and signs are left; other marks are one and the same.
    """
    text = text[:MOST_TEXT]
    return text.encode("ascii").translate(_SIMPLE).decode("ascii") if text.isascii() else plain(text)


def features(found: Words, titled: int = 0) -> Hashes:
    """Distinct stems and pairs of neighbouring stems of the first words, as 32-bit numbers in ascending order.

    The first `titled` words are of the subject: their stems count once more as such, for in a subject a word says what
    the message is about, and "free" or "account" weighs otherwise than further down.
    """
    single = found.stems[:MOST_WORDS]
    numbers = mixed(np.concatenate((found.stems[:titled] * _SUBJECT, single, single[:-1] * _PAIR + single[1:])))
    numbers.sort()
    first = np.empty(len(numbers), np.bool_)  # what `np.unique` does, in a tenth of its time for so few
    first[:1] = True
    np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
    return numbers.compress(first)


def mixed(numbers: Numbers) -> Hashes:
    """Spread over 32 bits: similar words have similar numbers."""
    numbers = numbers >> _HALF ^ numbers
    numbers *= _MIXER
    numbers >>= _HALF
    return numbers.astype(np.uint32)


def _without(line: str, mark: str) -> str:
    return " ".join([word for word in line.split() if mark not in word])


def _without_odd(text: str, octets: bytes) -> str:
    """Blanks for what is outside ASCII and no letter."""
    kinds = set(octets.translate(None, _ASCII).decode("utf-8", "surrogatepass"))
    odd = [kind for kind in kinds if not kind.isalnum() and kind not in _SIGNS]
    if len(odd) > MOST_ODD:
        return _NO_LETTERS.sub(" ", text)
    for kind in odd:
        text = text.replace(kind, " ")
    return text
