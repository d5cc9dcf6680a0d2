"""From octets to command lines, one at a time: strict about line ends, and bounded."""

from detector.mail.reply import Reply
from detector.relay import replies

LINE_LIMIT = 8192  # RFC 5321 section 4.5.3.1.4 asks for 512; DSN and XFORWARD parameters make lines longer
HELD_LIMIT = 65_536  # octets that may wait behind a command that is being answered


class Violation(Exception):
    """The client broke the protocol in a way that ends the connection; `reply` tells it why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.lines[0])
        self.reply = reply


class LineGate:
    r"""Gives one line when it is asked for one: what follows stays here, untouched, until that command is answered.

    It may be a message, or was sent in clear and must not count under TLS (RFC 3207 section 4.2).

    >>> gate = LineGate(commands_limit=100)
    >>> gate.put(b"NOOP\r\nDATA\r\nSubject: x\r\n")
    >>> gate.line(), gate.line(), gate.take(), gate.line()
    (b'NOOP', b'DATA', b'Subject: x\r\n', None)
    """

    def __init__(self, commands_limit: int) -> None:
        self._held = b""
        self._start = 0  # where the next line begins: cutting them off one by one would copy the rest each time
        self._commands_left = commands_limit

    def put(self, octets: bytes) -> None:
        if self._start < len(self._held):
            octets = self._held[self._start :] + octets
        self._held, self._start = octets, 0

    @property
    def held_bytes(self) -> int:
        return len(self._held) - self._start

    @property
    def full(self) -> bool:
        """So much waits that no more should be read."""
        return self.held_bytes > HELD_LIMIT

    def line(self) -> bytes | None:
        """The next line without its line end; None while it is not complete. Raises `Violation`."""
        held, start = self._held, self._start
        end = held.find(b"\n", start)
        if end < 0:
            if len(held) - start > LINE_LIMIT:
                raise Violation(replies.LINE_TOO_LONG)
            return None
        line, self._start = held[start : end + 1], end + 1
        self._commands_left -= 1
        if not _ends_well(line):
            raise Violation(replies.BARE_LINE_END)
        if len(line) >= LINE_LIMIT:
            raise Violation(replies.LINE_TOO_LONG)
        if self._commands_left < 0:
            raise Violation(replies.TOO_MANY_COMMANDS)
        return line[:-2]

    def command(self) -> tuple[bytes, str] | None:
        """The next line as a verb and its argument; None and `Violation` as from `line`."""
        line = self.line()
        if line is None:
            return None
        at = line.find(b" ")
        return (line, "") if at < 0 else (line[:at], argument(line[at:]))

    def next_line(self) -> bytes | None:
        """What `line` will give, as long as that is a line: it came together with the one before (RFC 2920)."""
        end = self._held.find(b"\n", self._start)
        if not self._start <= end < self._start + LINE_LIMIT - 1 or self._commands_left <= 0:
            return None
        line = self._held[self._start : end + 1]
        return line[:-2] if _ends_well(line) else None

    def take(self) -> bytes:
        """All that is held, to be read as part of a message, or forgotten."""
        held, self._held, start, self._start = self._held, b"", self._start, 0
        return held[start:] if start else held


def argument(octets: bytes) -> str:
    """What follows a verb. Octets that are not UTF-8 go to the next hop as they came."""
    return octets.strip().decode("utf-8", "surrogateescape")


def _ends_well(line: bytes) -> bool:
    return line.find(b"\r") == len(line) - 2 and len(line) > 1
