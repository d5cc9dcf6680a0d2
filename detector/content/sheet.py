"""The text of a page as it is laid out: blanks are one blank, and what is set apart stands in lines of its own."""

from html import unescape
from typing import Final

from librt.strings import StringWriter, isspace
from mypy_extensions import i32, i64

COMPILED: Final = not __file__.endswith(".py")

LINE: Final = "\0"  # a line break, until all other blanks are one blank
_NOTHING: Final = 0
_BLANK: Final = 1
_BREAK: Final = 2


class Sheet:
    """Takes the pieces of a text in their order.

    Letter by letter where that is machine code. Interpreted, it is faster by far to put all together and to split it.
    """

    def __init__(self) -> None:
        self.letters = StringWriter()
        self.gap: i64 = _NOTHING  # before the next letter
        self.pieces: list[str] = []

    def apart(self, between: str) -> None:
        """`LINE` or a blank, between what was written and what will be."""
        if not COMPILED:
            self.pieces.append(f" {between} ")
        elif between == LINE:
            self.gap = _BREAK
        elif self.gap == _NOTHING:
            self.gap = _BLANK

    def write(self, text: str) -> None:
        if not COMPILED:
            self.pieces.append(text)
            return
        letters, gap = self.letters, self.gap
        for at in range(i64(len(text))):
            code: i32 = i32(ord(text[at]))
            between: i64 = _between(code)
            if between:
                gap = max(gap, between)
                continue
            if gap:
                if len(letters):
                    letters.append(0 if gap == _BREAK else ord(" "))
                gap = _NOTHING
            letters.append(code)
        self.gap = gap

    def text(self) -> str:
        """Of entities their letters."""
        if not COMPILED:
            return _laid_out(_decoded("".join(self.pieces)))
        text = self.letters.getvalue()
        if "&" in text:
            again = Sheet()
            again.write(_decoded(text))
            text = again.letters.getvalue()
        return text.replace(LINE, "\n")


def _between(code: i32) -> i64:
    """What a character leaves between others."""
    if code > ord(" ") and code < 0x7F:
        return _NOTHING
    if code == ord(" ") or isspace(code):
        return _BLANK
    return _NOTHING if code else _BREAK


def _decoded(text: str) -> str:
    return unescape(text.replace("&nbsp;", " "))  # mostly there is no other


def _laid_out(text: str) -> str:
    lines = [line.strip(" ") for line in " ".join(text.split()).split(LINE)]
    return "\n".join([line for line in lines if line])
