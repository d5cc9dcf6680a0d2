"""Syslog as it comes over the network, as lines of a log file.

Frames on a stream: RFC 6587, by octet counting or by line ends. Messages: RFC 5424 and RFC 3164.
"""

import re
from collections.abc import Iterator

from detector.replay.log_files import LINE_BYTES

_COUNT = re.compile(rb"([1-9]\d{0,7}) ")
_COUNT_BEGINS = re.compile(rb"[1-9]\d{0,7}\Z")
_PRIORITY = re.compile(rb"<\d{1,3}>")
_RFC5424 = re.compile(
    rb'1 (\S+) (\S+) (\S+) (\S+) \S+ (?:-|(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*"|\\.)*\])+)(?: (.*))?\Z', re.DOTALL
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadFraming(Exception):
    """What follows on this stream cannot be told apart."""


class Frames:
    """The messages of one stream, piece by piece."""

    def __init__(self) -> None:
        self._octets = b""
        self._start = 0  # of the next message
        self._skipping = False
        self.too_long = 0

    def feed(self, octets: bytes) -> Iterator[bytes]:
        """The messages that are complete now. Raises `BadFraming`, after those that could be told apart."""
        self._octets, self._start = self._octets[self._start :] + octets, 0
        while self._start < len(self._octets) and (frame := self._next()) is not None:
            if frame:
                yield frame

    def _next(self) -> bytes | None:
        """None if it is not complete; empty for one that is too long."""
        if not self._skipping:
            count = _COUNT.match(self._octets, self._start)
            if count is not None:
                return self._counted(int(count[1]), count.end())
            if _COUNT_BEGINS.match(self._octets, self._start):
                return None
        end = self._octets.find(b"\n", self._start)
        if end < 0:
            return self._unfinished()
        line, self._start = self._octets[self._start : end], end + 1
        skipped, self._skipping = self._skipping, False
        if skipped or len(line) > LINE_BYTES:
            self.too_long += not skipped
            return b""
        return line.rstrip(b"\r\0")

    def _counted(self, length: int, start: int) -> bytes | None:
        if length > LINE_BYTES:
            msg = f"a message of {length} octets"
            raise BadFraming(msg)
        if len(self._octets) < start + length:
            return None
        self._start = start + length
        return self._octets[start : start + length].rstrip(b"\r\n\0")

    def _unfinished(self) -> bytes | None:
        if len(self._octets) - self._start <= LINE_BYTES:
            return None
        self.too_long += not self._skipping
        self._skipping, self._start = True, len(self._octets)
        return b""


def as_line(message: bytes) -> bytes | None:
    """A message as a syslog daemon writes it to a file: stamp, host, program[process]: text. None for no syslog.

    >>> as_line(b"<22>1 2026-03-05T10:00:00Z mx1 postfix/smtp 4711 - - 4XyZ1: removed")
    b'2026-03-05T10:00:00Z mx1 postfix/smtp[4711]: 4XyZ1: removed'
    >>> as_line(b"<22>Mar  5 10:00:00 mx1 postfix/smtp[4711]: 4XyZ1: removed")
    b'Mar  5 10:00:00 mx1 postfix/smtp[4711]: 4XyZ1: removed'
    """
    priority = _PRIORITY.match(message)
    if priority is None:
        return None
    message = message[priority.end() :]
    if message.startswith(b"1 "):
        match = _RFC5424.match(message)
        if match is None:
            return None
        stamp, host, program, process, text = match.groups(b"")
        # rsyslog passes the blank on that stood behind the colon of the line which it received.
        text = text.removeprefix(_BYTE_ORDER_MARK).lstrip(b" ")
        message = b"%s %s %s[%s]: %s" % (stamp, host, program, process, text)
    # What a file would hold as several lines must not become lines of their own.
    return message.replace(b"\n", b" ")[:LINE_BYTES]
