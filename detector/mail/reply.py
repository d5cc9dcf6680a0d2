"""A reply of an SMTP server, kept word for word."""

import re

from msgspec import Struct

ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")


class Reply(Struct, frozen=True, gc=False):
    r"""Code and text lines (RFC 5321 section 4.2); an enhanced status code stands first in the text (RFC 2034).

    >>> Reply(550, ("5.1.1 No such user",)).enhanced
    '5.1.1'
    >>> bytes(Reply(250, ("one", "two")))
    b'250-one\r\n250 two\r\n'
    """

    code: int
    lines: tuple[str, ...]

    @classmethod
    def of(cls, code: int, enhanced: str, text: str) -> "Reply":
        return cls(code, (f"{enhanced} {text}",))

    @property
    def enhanced(self) -> str:
        """The enhanced status code (RFC 3463), or an empty string where the server gave none."""
        match = ENHANCED.match(self.lines[0]) if self.lines else None
        return match.group(1) if match else ""

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def transient(self) -> bool:
        return 400 <= self.code < 500

    def __bytes__(self) -> bytes:
        if len(self.lines) == 1:
            return f"{self.code} {self.lines[0]}\r\n".encode("utf-8", "surrogateescape")
        lines = self.lines or ("",)
        last = len(lines) - 1
        return b"".join(
            f"{self.code}{' ' if i == last else '-'}{line}\r\n".encode("utf-8", "surrogateescape")
            for i, line in enumerate(lines)
        )

    def __str__(self) -> str:
        return f"{self.code} {' '.join(self.lines)}"
