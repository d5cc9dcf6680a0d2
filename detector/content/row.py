"""The numbers of the words of a text, as `words` makes them, in one pass; for `kernel`, and compiled like it."""

from typing import Final, final

from librt.strings import BytesWriter, write_i64_le
from mypy_extensions import i64

# As in `words` and `fingerprint`.
_BASE_UPPER: Final = 0x9E3779B9 - (1 << 32)
_BASE_LOWER: Final = 0x7F4A7C15
_STEM: Final = 6
_SHORTEST: Final = 3


def joined(upper: i64, lower: i64) -> i64:
    """A number of its upper half, which has a sign, and the lower one: in one piece it is none to mypyc."""
    return upper << 32 | lower


@final
class Row:
    """The words of some texts in their order, eight octets each. `wholes` are those that `fingerprint` counts."""

    def __init__(self) -> None:
        self.base = joined(_BASE_UPPER, _BASE_LOWER)
        self.stems = BytesWriter()
        self.wholes = BytesWriter()
        # As long they were at the last blank.
        self.stems_before: i64 = 0
        self.wholes_before: i64 = 0

    def read(self, text: str) -> None:
        """As `words.simple` has it."""
        self.blank()
        at: i64 = 0
        end: i64 = len(text)
        while at < end:
            code: i64 = ord(text[at])
            if code == ord(" "):
                self.blank()
                at += 1
            elif code >= ord("a") or code == ord("'"):
                at = self.word(text, at, end)
            else:
                at = self.mark(text, at + 1, end, code)

    def word(self, text: str, start: i64, end: i64) -> i64:
        """Where it ends."""
        base: i64 = self.base
        power: i64 = base
        whole: i64 = 0
        stem: i64 = 0
        letters: i64 = 0
        at: i64 = start
        while at < end:
            code: i64 = ord(text[at])
            if code >= ord("a"):
                whole += code * power
                power *= base
                letters += 1
                if letters <= _STEM:
                    stem = whole
            elif code != ord("'"):
                break
            at += 1
        if letters:
            write_i64_le(self.stems, stem)
            if letters >= _SHORTEST:
                write_i64_le(self.wholes, whole)
        return at

    def mark(self, text: str, at: i64, end: i64, code: i64) -> i64:
        """Where what follows the mark before `at` begins: it is a sign and so a word, or one that parts words."""
        if code < ord("'") or code == ord("?"):
            write_i64_le(self.stems, code * self.base)
        elif _is_of_address(text, at, code):
            self.stems.truncate(self.stems_before)
            self.wholes.truncate(self.wholes_before)
            while at < end and ord(text[at]) != ord(" "):
                at += 1
        return at

    def blank(self) -> None:
        """Words since the last one are none if an address is among them."""
        self.stems_before, self.wholes_before = len(self.stems), len(self.wholes)


def _is_of_address(text: str, at: i64, code: i64) -> bool:
    """Whether `@`, `//` or `www.` ends there: what stands around it as far as the next blanks is an address."""
    if code == ord("/"):
        return at >= 2 and ord(text[at - 2]) == code
    if code == ord("."):
        return at >= 4 and ord(text[at - 2]) == ord(text[at - 3]) == ord(text[at - 4]) == ord("w")
    return code == ord("@")
