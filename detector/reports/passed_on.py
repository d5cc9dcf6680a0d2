"""A message that somebody passes on, attached or quoted: its header, and what he himself says of it."""

import re
from typing import NamedTuple

from detector.mail.headers import Header
from detector.mail.written import NOTHING
from detector.reports.parts import MOST_RETURNED, Pieces, first

_HEADER_BEGINS = re.compile(
    r"^(?:Received|Return-Path|Message-ID|From|Date|Subject|To|[\w-]+): ", re.IGNORECASE | re.MULTILINE
)
_QUOTE = re.compile(r"^[ \t]*(?:> ?|\| ?)+", re.MULTILINE)
_ANNOUNCED = re.compile(
    r"^[ \t>|]*+(?:-+ ?)?(?:begin )?(?:forwarded|original|weitergeleitete|ursprüngliche|message transféré"
    r"|mensaje reenviado|messaggio inoltrato|the (?:full )?headers?|headers?)\b.{0,60}$",
    re.IGNORECASE | re.MULTILINE,
)


class PassedOn(NamedTuple):
    """`subject` (in lower case) and `said` are his own words only; `header` is empty where there is no message."""

    header: Header
    subject: str
    said: str


def passed_on(pieces: Pieces) -> PassedOn:
    """Who sent the message chose its words, and they must not decide what the report about it is taken for."""
    header, said = (pieces.returned, pieces.said) if pieces.returned.written else _quoted(pieces.said)
    return PassedOn(header, _words(pieces.subject).removesuffix(_words(first(header, b"subject"))), said)


def _quoted(said: str) -> tuple[Header, str]:
    """The header of a message in the text, behind an announcement or marks of quotation, and what stands before it."""
    announced = _ANNOUNCED.search(said)
    start = announced.end() if announced else 0
    text = _QUOTE.sub("", said[start:])
    for begins in list(_HEADER_BEGINS.finditer(text))[:20]:
        header = Header.of(text[begins.start() :][:MOST_RETURNED].encode("utf-8", "replace"))
        if header.named.keys() & {b"message-id", b"received"} and len(header.named) > 2:
            return header, said[:start] + text[: begins.start()]
    return NOTHING.header, said


def _words(subject: str) -> str:
    """Some programs write `[Fwd: hello]`."""
    return " ".join(subject.lower().split()).rstrip(" ]")
