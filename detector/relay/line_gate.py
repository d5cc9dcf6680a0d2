"""From octets to command lines: strict about line ends, bounded, and closed while a DATA or STARTTLS is answered."""

from collections.abc import Iterator

from detector.mail.reply import Reply
from detector.relay import replies

LINE_LIMIT = 8192  # RFC 5321 section 4.5.3.1.4 asks for 512; DSN and XFORWARD parameters make lines longer
HELD_LIMIT = 65_536  # octets that may wait behind a DATA line
BARRIERS = frozenset({b"DATA", b"STARTTLS"})


class Violation(Exception):
    """The client broke the protocol in a way that ends the connection; `reply` tells it why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.lines[0])
        self.reply = reply


class LineGate:
    r"""Lets whole lines through. Behind a DATA or STARTTLS line it closes until `open` is called: what follows may be
    a message, or was sent in clear and must not count under TLS (RFC 3207 section 4.2).

    >>> gate = LineGate(commands_limit=100)
    >>> gate.put(b"NOOP\r\nDATA\r\nSubject: x\r\n")
    >>> list(gate.lines()), gate.held
    ([b'NOOP\r\n', b'DATA\r\n'], b'Subject: x\r\n')
    """

    def __init__(self, commands_limit: int) -> None:
        self.held = b""
        self.closed = False
        self._commands_left = commands_limit

    def put(self, octets: bytes) -> None:
        self.held = self.held + octets if self.held else octets

    @property
    def full(self) -> bool:
        """So much waits behind the barrier that no more should be read."""
        return self.closed and len(self.held) > HELD_LIMIT

    def lines(self) -> Iterator[bytes]:
        """The complete lines, with their line ends, up to a barrier. Raises `Violation`."""
        held, start = self.held, 0
        try:
            while not self.closed and (end := held.find(b"\n", start) + 1):
                line, start = held[start:end], end
                self._check(line)
                self.closed = line.rstrip(b"\r\n").partition(b" ")[0].upper() in BARRIERS
                yield line
        finally:
            self.held = held[start:]
        if not self.closed and len(self.held) > LINE_LIMIT:
            raise Violation(replies.LINE_TOO_LONG)

    def open(self) -> None:
        self.closed = False

    def take(self) -> bytes:
        """All that is held, to be read as part of a message, or forgotten."""
        held, self.held = self.held, b""
        return held

    def _check(self, line: bytes) -> None:
        self._commands_left -= 1
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise Violation(replies.BARE_LINE_END)
        if len(line) >= LINE_LIMIT:
            raise Violation(replies.LINE_TOO_LONG)
        if self._commands_left < 0:
            raise Violation(replies.TOO_MANY_COMMANDS)
