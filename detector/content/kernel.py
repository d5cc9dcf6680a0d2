"""Score and fingerprint of a text in one pass: the arithmetic of `words`, `model` and `fingerprint`, to be compiled.

Those modules say what is counted and why; here the same numbers come out, octet for octet, but no arrays are made in
between: some sixty small ones for each message, a quarter of its cost. mypyc makes machine code of this (`setup.py`).
Interpreted it would be wrong, as its integers are meant to have 64 bits: it is used only where it is `COMPILED`.
"""

from typing import Final

from librt.strings import BytesWriter, read_i32_le, read_i64_le, write_i64_le
from librt.vecs import append, vec
from mypy_extensions import i64, u8

from detector.content.row import Row, joined

COMPILED: Final = not __file__.endswith(".py")

# As in `words`, to be `joined`.
_SUBJECT_UPPER: Final = 0xD1B54A32 - (1 << 32)
_SUBJECT_LOWER: Final = 0xD192ED03
_PAIR_UPPER: Final = 0x8CB92BA7 - (1 << 32)
_PAIR_LOWER: Final = 0x2F3D8DD7
_MIXER_UPPER: Final = 0xFF51AFD7 - (1 << 32)
_MIXER_LOWER: Final = 0xED558CCD
_LOW: Final = 0xFFFFFFFF
_MOST_COUNTED: Final = 250

# As in `fingerprint`.
_LEAST: Final = 5
_ENOUGH: Final = 15
_BINS: Final = 24
_BANDS: Final = 4


def _mixed(number: i64) -> i64:
    return ((number >> 32 & _LOW ^ number) * joined(_MIXER_UPPER, _MIXER_LOWER)) >> 32 & _LOW


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
    """The weights of distinct features; `rows`, `start` and `line` as `TextModel.octets` tells."""

    def __init__(self, rows: bytes, start: i64, line: i64) -> None:
        self.rows = rows
        self.start = start
        self.line = line
        self.asked: i64 = 0  # features
        self.fetched: i64 = 0
        self.total: i64 = 0  # in units of 2^-24, of which each number in half precision is a multiple: nothing is lost

    def add(self, stems: bytes, titled: i64) -> None:
        counted: i64 = min(i64(len(stems)) >> 3, i64(_MOST_COUNTED))
        numbers = vec[i64]([0] * (titled + 2 * counted))
        for at in range(titled):
            numbers[at] = _mixed(read_i64_le(stems, 8 * at) * joined(_SUBJECT_UPPER, _SUBJECT_LOWER))
        before: i64 = 0
        place: i64 = titled
        for at in range(counted):
            stem: i64 = read_i64_le(stems, 8 * at)
            numbers[place] = _mixed(stem)
            # Of the first word there is no pair: its number comes twice instead, and counts once.
            numbers[place + 1] = _mixed(before * joined(_PAIR_UPPER, _PAIR_LOWER) + stem)
            before = stem
            place += 2
        self.fetch(numbers)
        self.weigh(numbers)

    def fetch(self, numbers: vec[i64]) -> None:
        """All at once: where each row was waited for, that alone would take as long as the rest."""
        rows, start, line = self.rows, self.start, self.line
        fetched: i64 = 0
        for number in numbers:
            fetched += i64(read_i32_le(rows, start + (number >> 16) * line))
        self.fetched = fetched

    def weigh(self, numbers: vec[i64]) -> None:
        rows, start, line = self.rows, self.start, self.line
        slots = _room(i64(len(numbers)))
        asked: i64 = 0
        total: i64 = 0
        for number in numbers:
            if _is_new(slots, number):
                asked += 1
                total += _weight(rows, start + (number >> 16) * line, line, number & 0xFFFF)
        self.asked, self.total = asked, total


def _weight(rows: bytes, start: i64, line: i64, wanted: i64) -> i64:
    """0 for what is not in the model: in a row the second halves of the keys ascend, each with its weight behind it."""
    for at in range(start, start + line, 4):
        pair: i64 = i64(read_i32_le(rows, at))
        if pair & 0xFFFF == wanted:
            return _exact(pair >> 16)
        if pair & 0xFFFF > wanted:
            break
    return 0


def _exact(half: i64) -> i64:
    """A number in half precision (IEEE 754 binary16, finite) in units of 2^-24."""
    exponent: i64 = half >> 10 & 31
    size: i64 = half & 1023
    if exponent:
        size = (size + 1024) << (exponent - 1)
    return -size if half < 0 else size


def _print(exact: bytes) -> tuple[int, bytes, bytes]:
    """Of the numbers of words: how many are different, as far as it matters, what `bands` are made of, the sketch."""
    slots = _room(_ENOUGH)
    least = vec[i64]([-1] * _BINS)
    different: i64 = 0
    for at in range(i64(0), i64(len(exact)), 8):
        number: i64 = _mixed(read_i64_le(exact, at))
        if different < _ENOUGH and _is_new(slots, number):
            different += 1
        place: i64 = number * _BINS >> 32
        if least[place] < 0 or number < least[place]:
            least[place] = number
    if different < _LEAST:
        return different, b"", b""
    bands, sketch = _packed(_filled(least))
    return different, bands, sketch


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
        for at in range(i64(_BINS // _BANDS)):
            write_i64_le(bands, least[at * _BANDS + band])
    for number in least:
        sketch.append(u8(number & 0xFF))
    return bands.getvalue(), sketch.getvalue()


def see(texts: list[str], rows: bytes, start: i64, line: i64) -> tuple[int, int, int, bytes, int, bytes, bytes]:
    """Of subject, own words and quotation, each as `words.simple` has it.

    How many words there are; the sum of the weights of their features, in units of 2^-24, and how many these are; then
    of the own words, or of all where there are none, what `exact` is made of, and what `_print` tells.
    """
    row = Row()
    words = vec[i64]()
    kept = vec[i64]()
    for text in texts:
        row.read(text)
        words = append(words, i64(len(row.stems)) >> 3)
        kept = append(kept, i64(len(row.wholes)))
    found = _Sum(rows, start, line)
    found.add(row.stems.getvalue(), words[0])
    exact = row.wholes.getvalue()
    if words[1] > words[0]:
        exact = exact[kept[0] : kept[1]]
    different, bands, sketch = _print(exact)
    return words[2], found.total, found.asked, exact, different, bands, sketch
