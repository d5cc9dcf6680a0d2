"""The header section of a message (RFC 5322 section 2.2) as octets, so that what we do not remove stays as it was.

A line ends at LF, with or without CR before it: the relay refuses a bare LF, so this decides only what we see of such
mail. As in Postfix, Exim and Sendmail the first line that is neither a field nor a continuation ends the section.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from msgspec import Struct

SECTION_LENGTH = 262_144
HELO_LENGTH = 255

# RFC 5322 sections 3.6.8 and 4.5: blanks before the colon are obsolete, but read by many servers.
# A dot that a client forgot to double is removed by the next hop: `.X-Name:` arrives there as `X-Name:`.
_FIELD = re.compile(rb"\.?([!-9;-~]++)[ \t]*+:([^\n]*+(?>(?:\n\.?[ \t][^\n]*+)*))(?:\n|\Z)")
_SECTION = re.compile(rb"(?>(?:[!-9;-~]++[ \t]*+:[^\n]*+(?>(?:\n\.?[ \t][^\n]*+)*)(?:\n|\Z))*)")
_FOLD = re.compile(r"(?<!\r)\r*+\n(?=[ \t])")  # a long run of CR is looked at once
_ODD_IN_HELO = re.compile(r"[^A-Za-z0-9.:_\[\]-]")


@dataclass(frozen=True, slots=True)
class Field:
    """A header field: name as written, value unfolded and stripped, and its octets `start:end` in the section."""

    name: str
    value: str
    start: int
    end: int


class Header(Struct, frozen=True, gc=False):
    r"""A header section, gone through once for all who ask what stands there.

    `written` are the fields, top down: name and value as written, the value with its line ends. `named` are the same
    by their lower-case names, in the order in which the names come first.

    >>> header = Header.of(b"To: ann\r\n\tand bob\r\nDate: x\r\nto: eve\r\n\r\nBody: y\r\n")
    >>> header.section[-7:], list(header.named), header.values(b"to")
    (b'eve\r\n\r\n', [b'to', b'date'], ['ann\tand bob', 'eve'])
    """

    section: bytes
    written: list[tuple[bytes, bytes]]
    named: dict[bytes, list[bytes]]

    @classmethod
    def of(cls, octets: bytes) -> "Header":
        """That of a message; a header section alone will do."""
        return cls.of_section(header_section(octets))

    @classmethod
    def of_section(cls, section: bytes) -> "Header":
        """That of what `header_section` has found."""
        written = _FIELD.findall(section)
        named: dict[bytes, list[bytes]] = {}
        for name, value in written:
            named.setdefault(name.lower(), []).append(value)
        return cls(section, written, named)

    @property
    def message_id(self) -> str:
        """The first Message-ID (RFC 5322 section 3.6.4) as written, or an empty string. The sender chooses it."""
        return next(iter(self.values(b"message-id")), "")

    def values(self, name: bytes) -> list[str]:
        """The unfolded values of all copies of a field, by its lower-case name."""
        return [_unfolded(value) for value in self.named.get(name, ())]


class Arrival(Struct, frozen=True, gc=False):
    """How a message came to us: what `Received` tells of it. `peer` is the address of the connected server."""

    helo: str
    peer: str
    hostname: str
    esmtp: bool = True
    tls: bool = False
    smtputf8: bool = False

    @property
    def protocol(self) -> str:
        """The keyword after `with` (RFC 3848; RFC 6531 section 4.3)."""
        if not self.esmtp:
            return "SMTP"
        return ("UTF8SMTP" if self.smtputf8 else "ESMTP") + ("S" if self.tls else "")


def header_section(body: bytes, limit: int = SECTION_LENGTH) -> bytes:
    r"""The fields at the top of a message and the empty line after them, as far as they are there.

    Never longer than `limit` octets and that line; a field that does not end within the limit is left to the body.

    >>> header_section(b"Subject: x\r\n\r\nHello: you\r\n")
    b'Subject: x\r\n\r\n'
    """
    found = _SECTION.match(body, 0, limit)
    end = found.end() if found else 0
    if end == limit < len(body):
        return body[: max((match.start() for match in _matches(body[:limit])), default=0)]
    for empty_line in (b"\r\n", b"\n"):
        if body.startswith(empty_line, end):
            return body[: end + len(empty_line)]
    return body[:end]


def fields(section: bytes) -> Iterator[Field]:
    """The fields of a header section, top down. Octets that are not UTF-8 become surrogate escapes."""
    for match in _matches(section):
        yield Field(match[1].decode("ascii"), _unfolded(match[2]), match.start(), match.end())


def value_above_first_received(section: bytes, name: str) -> list[str]:
    """The values of a field above the first `Received`: only the server that sent to us can have put them there."""
    values = []
    for match in _any_of(frozenset({name.lower(), "received"})).finditer(section):
        if match[1].lower() == b"received":
            break
        values.append(_unfolded(match[2]))
    return values


def without(section: bytes, names: frozenset[str]) -> bytes:
    r"""The section without any copy of the fields of these lower-case names, and otherwise octet for octet the same.

    >>> without(b"X-A: 1\r\n 2\r\nSubject: x\r\nx-a: 3\r\n\r\n", frozenset({"x-a"}))
    b'Subject: x\r\n\r\n'
    """
    lower = section.lower()
    for name in _encoded(names):
        if name in lower:
            return _any_of(names).sub(b"", section)
    return section  # as nearly always


@lru_cache(maxsize=64)  # as many as there are configurations
def _encoded(names: frozenset[str]) -> tuple[bytes, ...]:
    return tuple([name.encode("ascii") for name in names])


@lru_cache(maxsize=64)  # as many as there are configurations
def _any_of(names: frozenset[str]) -> re.Pattern[bytes]:
    """Fields of these lower-case names; each line of a section that is no continuation begins one."""
    either = b"|".join([re.escape(name.encode("ascii")) for name in names])
    return re.compile(b"^" + _FIELD.pattern.replace(rb"[!-9;-~]++", either, 1), re.IGNORECASE | re.MULTILINE)


def received_line(arrival: Arrival, transaction_id: str, now: float) -> bytes:
    """Our trace field (RFC 5321 section 4.4); `now` in Unix seconds is written in UTC.

    It names only the connected server, never the customer behind it.
    """
    return f"{_from(arrival)} id {transaction_id};\r\n\t{_date(int(now))}\r\n".encode("ascii", "replace")


@lru_cache(maxsize=256)  # a session brings many messages
def _from(arrival: Arrival) -> str:
    peer = f"IPv6:{arrival.peer}" if ":" in arrival.peer else arrival.peer
    helo = _ODD_IN_HELO.sub("?", arrival.helo[:HELO_LENGTH]) or "unknown"
    return f"Received: from {helo} ([{peer}])\r\n\tby {arrival.hostname} with {arrival.protocol}"


@lru_cache(maxsize=1)  # many messages come in one second
def _date(now: int) -> str:
    return format_datetime(datetime.fromtimestamp(now, UTC))


def _matches(section: bytes) -> Iterator[re.Match[bytes]]:
    match = _FIELD.match(section)
    while match is not None:
        yield match
        match = _FIELD.match(section, match.end())


def _unfolded(value: bytes) -> str:
    text = value.decode("utf-8", "surrogateescape")
    return (_FOLD.sub("", text) if "\n" in text else text).strip(" \t\r\n")
