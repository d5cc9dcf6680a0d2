"""Score and fingerprint of a text in one pass: the arithmetic of `words`, `model` and `fingerprint`, to be compiled.

Those modules say what is counted and why; here the same numbers come out, octet for octet, but no arrays are made in
between: some sixty small ones for each message, a quarter of its cost. mypyc makes machine code of this (`setup.py`).
Interpreted it would be wrong, as its integers are meant to have 64 bits: it is used only where it is `COMPILED`.
"""

from typing import Final

from librt.strings import BytesWriter, read_i16_le, write_i64_le
from librt.vecs import append, vec
from mypy_extensions import i64, u8

COMPILED: Final = not __file__.endswith(".py")

# As in `words`: upper halves, with a sign, and lower ones, for in one piece they are no machine integers to mypyc.
_BASE_UPPER: Final = 0x9E3779B9 - (1 << 32)
_BASE_LOWER: Final = 0x7F4A7C15
_SUBJECT_UPPER: Final = 0xD1B54A32 - (1 << 32)
_SUBJECT_LOWER: Final = 0xD192ED03
_PAIR_UPPER: Final = 0x8CB92BA7 - (1 << 32)
_PAIR_LOWER: Final = 0x2F3D8DD7
_MIXER_UPPER: Final = 0xFF51AFD7 - (1 << 32)
_MIXER_LOWER: Final = 0xED558CCD
_LOW: Final = 0xFFFFFFFF
_STEM: Final = 6
_MOST_COUNTED: Final = 250

# As in `fingerprint`.
_SHORTEST: Final = 3
_LEAST: Final = 5
_BINS: Final = 24
_BANDS: Final = 4


def _whole(upper: i64, lower: i64) -> i64:
    return upper << 32 | lower


class _Row:
    """The words of some texts in their order."""

    def __init__(self) -> None:
        self.base = _whole(_BASE_UPPER, _BASE_LOWER)
        self.stems = vec[i64](capacity=512)
        self.wholes = vec[i64](capacity=512)
        self.letters = vec[i64](capacity=512)

    def add(self, stem: i64, whole: i64, letters: i64) -> None:
        self.stems = append(self.stems, stem)
        self.wholes = append(self.wholes, whole)
        self.letters = append(self.letters, letters)

    def read(self, text: str) -> None:
        """As `words.simple` has it."""
        at: i64 = 0
        end: i64 = len(text)
        while at < end:
            start: i64 = at
            while at < end and ord(text[at]) != ord(" "):
                at += 1
            if at > start and not _is_address(text, start, at):
                self._run(text, start, at)
            at += 1

    def _run(self, text: str, start: i64, end: i64) -> None:
        """Without a blank, but with marks that part words, and signs that are words."""
        whole: i64 = 0
        stem: i64 = 0
        base: i64 = self.base
        power: i64 = base
        letters: i64 = 0
        for at in range(start, end):
            code: i64 = ord(text[at])
            if code >= ord("a"):
                whole += code * power
                power *= base
                letters += 1
                stem = whole if letters <= _STEM else stem
            elif code != ord("'"):
                if letters:
                    self.add(stem, whole, letters)
                whole, power, letters = 0, base, 0
                if code < ord("'") or code == ord("?"):  # a sign that means something
                    self.add(code * base, code * base, 1)
        if letters:
            self.add(stem, whole, letters)


def _is_address(text: str, start: i64, end: i64) -> bool:
    """Whether `@`, `//` or `www.` is in it."""
    before: i64 = 0
    ws: i64 = 0
    for at in range(start, end):
        code: i64 = ord(text[at])
        if code < ord("a"):
            if code == ord("@") or (code == ord("/") and before == code) or (code == ord(".") and ws >= 3):
                return True
            ws = 0
        else:
            ws = ws + 1 if code == ord("w") else 0
        before = code
    return False


def _mixed(number: i64) -> i64:
    return ((number >> 32 & _LOW ^ number) * _whole(_MIXER_UPPER, _MIXER_LOWER)) >> 32 & _LOW


def _room(most: i64) -> vec[i64]:
    """For so many different numbers, and as many again, so that each is found soon. Its length is a power of two."""
    size: i64 = 16
    while size < 2 * most:
        size *= 2
    return vec[i64]([0] * size)


def _is_new(slots: vec[i64], number: i64) -> bool:
    """Remembers it. There must be room."""
    last: i64 = i64(len(slots)) - 1
    at: i64 = number & last
    key: i64 = number + 1  # 0 is an empty slot
    while slots[at]:
        if slots[at] == key:
            return False
        at = at + 1 & last
    slots[at] = key
    return True


class _Sum:
    """The weights of distinct features; `rows` and `line` as `TextModel.octets` tells."""

    def __init__(self, rows: bytes, line: i64, most: i64) -> None:
        self.rows = rows
        self.line = line
        self.slots = _room(most)
        self.found = vec[i64](capacity=512)
        self.fetched: i64 = 0
        self.total: i64 = 0  # in units of 2^-24, of which each number in half precision is a multiple: nothing is lost

    def add(self, number: i64) -> None:
        if _is_new(self.slots, number):
            self.found = append(self.found, number)
            # The row is on its way from memory while further numbers are made: it is needed for all of them at once.
            self.fetched += i64(read_i16_le(self.rows, (number >> 16) * self.line))

    def weigh(self) -> None:
        for number in self.found:
            self.total += self._weight(number)

    def _weight(self, number: i64) -> i64:
        """0 for what is not in the model: in a row the second halves of the keys ascend, and zeros follow."""
        wanted: i64 = number & 0xFFFF
        start: i64 = (number >> 16) * self.line
        half: i64 = self.line >> 1
        for at in range(start, start + half, 2):
            there: i64 = i64(read_i16_le(self.rows, at)) & 0xFFFF
            if there == wanted:
                return _exact(i64(read_i16_le(self.rows, at + half)))
            if there > wanted or (there == 0 and at > start):
                break
        return 0


def _exact(half: i64) -> i64:
    """A number in half precision (IEEE 754 binary16, finite) in units of 2^-24."""
    exponent: i64 = half >> 10 & 31
    size: i64 = half & 1023
    if exponent:
        size = (size + 1024) << (exponent - 1)
    return -size if half < 0 else size


def _score(stems: vec[i64], titled: i64, rows: bytes, line: i64) -> _Sum:
    counted: i64 = min(i64(len(stems)), i64(_MOST_COUNTED))
    found = _Sum(rows, line, titled + 2 * counted)
    for at in range(titled):
        found.add(_mixed(stems[at] * _whole(_SUBJECT_UPPER, _SUBJECT_LOWER)))
    before: i64 = 0
    for place in range(counted):
        stem: i64 = stems[place]
        found.add(_mixed(stem))
        if place > 0:
            found.add(_mixed(before * _whole(_PAIR_UPPER, _PAIR_LOWER) + stem))
        before = stem
    found.weigh()
    return found


def _print(row: _Row, first: i64, last: i64) -> tuple[bytes, int, bytes, bytes]:
    """What `exact` is made of, how many different words there are, what `bands` are made of, and the sketch."""
    exact = BytesWriter()
    wholes, letters = row.wholes, row.letters
    slots = _room(last - first)
    least = vec[i64]([-1] * _BINS)
    different: i64 = 0
    for at in range(first, last):
        if letters[at] < _SHORTEST:
            continue
        write_i64_le(exact, wholes[at])
        number: i64 = _mixed(wholes[at])
        if _is_new(slots, number):
            different += 1
            place: i64 = number * _BINS >> 32
            if least[place] < 0 or number < least[place]:
                least[place] = number
    if different < _LEAST:
        return exact.getvalue(), different, b"", b""
    return exact.getvalue(), different, *_packed(_filled(least))


def _filled(least: vec[i64]) -> vec[i64]:
    """An empty bin takes from the next one that is not, the last ones from the first."""
    full: i64 = -1
    for _ in range(2):
        for at in range(i64(_BINS - 1), i64(-1), -1):
            if least[at] < 0:
                least[at] = full
            else:
                full = least[at]
    return least


def _packed(least: vec[i64]) -> tuple[bytes, bytes]:
    bands, sketch = BytesWriter(), BytesWriter()
    for band in range(i64(_BANDS)):
        for at in range(band, i64(_BINS), i64(_BANDS)):
            write_i64_le(bands, least[at])
    for number in least:
        sketch.append(u8(number & 0xFF))
    return bands.getvalue(), sketch.getvalue()


def see(texts: list[str], rows: bytes, line: i64) -> tuple[int, int, int, bytes, int, bytes, bytes]:
    """Of subject, own words and quotation, each as `words.simple` has it.

    How many words there are; the sum of the weights of their features, in units of 2^-24, and how many these are; then
    of the own words, or of all where there are none, what `_print` tells.
    """
    row = _Row()
    ends = vec[i64]()
    for text in texts:
        row.read(text)
        ends = append(ends, i64(len(row.stems)))
    titled, own, words = ends[0], ends[1], ends[2]
    found = _score(row.stems, titled, rows, line)
    exact, different, bands, sketch = _print(row, titled, own) if own > titled else _print(row, 0, words)
    return words, found.total, len(found.found), exact, different, bands, sketch
