"""Reads the replies of an SMTP server from octets, cut anywhere; no I/O."""

import re

from detector.mail.reply import Reply

REPLY_BYTES = 32_768
"""All its lines. RFC 5321 section 4.5.3.1.5 says 512 for each; real servers send longer ones, but no book."""
LINES = 200
MOST_KNOWN, KNOWN_BYTES = 16, 512  # replies that are known by their octets

# RFC 5321 section 4.2: code, then text after a space (last line) or a hyphen (more follow); the text may be missing.
# A bare CR is refused: passed on to a client, it could be taken for the end of the reply.
LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])([^\r]*))?")


class MalformedReply(ValueError):
    """The octets are not a reply of RFC 5321 section 4.2. What follows them cannot be understood either."""


class ReplyParser:
    r"""Makes replies from what arrives; the text is kept word for word (octets that are not UTF-8 as surrogates).

    >>> parser = ReplyParser()
    >>> parser.feed(b"250-mx.example\r\n250 SI")
    []
    >>> parser.feed(b"ZE\r\n")
    [Reply(code=250, lines=('mx.example', 'SIZE'))]
    """

    def __init__(self) -> None:
        self._partial = bytearray()
        self._known: dict[bytes, Reply] = {}
        self._code = b""
        self._lines: list[str] = []
        self._bytes = 0  # of these lines

    @property
    def in_reply(self) -> bool:
        """Something of a reply has arrived, but not all of it."""
        return bool(self._partial or self._lines)

    def feed(self, octets: bytes) -> list[Reply]:
        """The replies that are complete now. Raises `MalformedReply`."""
        if not self._partial and not self._lines:
            known = self._known.get(octets)
            return [known] if known is not None else self._read_anew(octets)
        return self._read(octets)

    def _read_anew(self, octets: bytes) -> list[Reply]:
        """As `_read`; a whole reply is remembered, for a server says the same things all the time."""
        replies = self._read(octets)
        if len(replies) == 1 and not self.in_reply and len(octets) <= KNOWN_BYTES and len(self._known) < MOST_KNOWN:
            self._known[octets] = replies[0]
        return replies

    def _read(self, octets: bytes) -> list[Reply]:
        self._partial += octets
        replies = []
        if b"\n" in octets:
            *lines, self._partial = self._partial.split(b"\n")
            replies = [reply for line in lines if (reply := self._take(line)) is not None]
        if len(self._partial) > REPLY_BYTES:
            raise MalformedReply("a line of the reply is too long")
        return replies

    def _take(self, line: bytearray) -> Reply | None:
        if len(line) > REPLY_BYTES:
            raise MalformedReply("a line of the reply is too long")
        match = LINE.fullmatch(line.removesuffix(b"\r"))  # old servers end lines with a bare LF
        if match is None:
            raise MalformedReply(f"not a reply: {bytes(line[:80])!r}")
        code, separator, text = match.groups()
        if self._lines and code != self._code:
            raise MalformedReply(f"a reply begins with code {self._code!r} and goes on with {code!r}")
        self._code = code
        self._lines.append((text or b"").decode("utf-8", "surrogateescape"))
        self._bytes += len(line)
        if len(self._lines) > LINES or self._bytes > REPLY_BYTES:
            raise MalformedReply("the reply is too long")
        if separator == b"-":
            return None
        reply = Reply(int(code), tuple(self._lines))
        self._lines.clear()
        self._bytes = 0
        return reply
