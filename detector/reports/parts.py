"""A report in its pieces: what it says to people, what to programs, and what it returns of the message it is about."""

import re
from binascii import a2b_qp

from msgspec import Struct

from detector.content.charset import from_base64, header_text
from detector.content.mime import MOST_BYTES, Part, parsed
from detector.content.page import rendered
from detector.mail.headers import Header
from detector.mail.written import NOTHING, Written

MOST_TEXT = 32_768  # characters for people; what stands further down is the returned message
MOST_RETURNED = 65_536  # octets of its header
MOST_HTML = 65_536

_STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED = frozenset({"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"})
_RECEIPT = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_OF_A_MESSAGE = frozenset({b"received", b"message-id", b"return-path", b"from", b"subject", b"date"})
_HEADER_LINE = re.compile(rb"\s*+(?:received|return-path|message-id|from|date|subject|to):", re.IGNORECASE)


class Pieces(Struct, frozen=True):
    """`status`, `feedback` and `receipt` are None where there is no such part."""

    header: Header
    subject: str
    said: str
    status: str | None = None
    feedback: str | None = None
    receipt: str | None = None
    returned: Header = NOTHING.header
    wrapped: bytes = b""  # the returned message, if it is a report itself
    returns: bool = False  # there is a place for the message, even if nothing is in it


def pieces_of(octets: bytes) -> Pieces:
    """Whatever the octets are, nothing is raised, and time and memory are bounded."""
    octets = octets[:MOST_BYTES]
    if octets.startswith((b"From ", b">From ")):  # of an mbox: no field, and the header would end here
        octets = octets.partition(b"\n")[2]
    written = Written.of(octets)
    message = parsed(written)
    # A message in one piece is not its own attachment.
    parts = tuple(part.under(NOTHING.header) if part.header is written.header else part for part in message.parts)
    status = next((part.text for part in parts if part.kind in _STATUS), None)
    return Pieces(
        header=written.header,
        subject=message.subject,
        said=_said(parts, written.rest),
        status=status,
        feedback=next((part.text for part in parts if part.kind == "message/feedback-report"), None),
        receipt=next((part.text for part in parts if part.kind in _RECEIPT), None),
        wrapped=next((_octets(part) for part in parts if part.kind == "message/rfc822" and _is_report(part)), b""),
        returns=any(part.kind in _RETURNED for part in parts),
        returned=next((found for found in map(_returned, parts) if found.written), NOTHING.header),
    )


def first(header: Header, name: bytes) -> str:
    """The first value of a field in plain characters, or an empty string."""
    values = header.named.get(name)
    if values is None:
        return ""
    return header_text(values[0][:2000].decode("utf-8", "surrogateescape").replace("\r", "").replace("\n", "").strip())


def _said(parts: tuple[Part, ...], rest: bytes) -> str:
    """The text for people. Pages come in only where nothing says the same as plain text."""
    plain = [part for part in parts if part.kind == "text/plain" and not _is_message(part)]
    texts = [part.text[:MOST_TEXT] for part in plain]
    if not any(text.strip() for text in texts):
        pages = [part for part in parts if part.kind == "text/html" and not part.attached]
        texts += [rendered(part.text[:MOST_HTML]).text for part in pages[:1]]
    if not parts:  # a multipart without a boundary
        texts = [rest[:MOST_TEXT].decode("utf-8", "replace")]
    return "\n".join(texts)[:MOST_TEXT].replace("\r\n", "\n")


def _is_message(part: Part) -> bool:
    """A part whose own header is that of the returned message: its Content-Type was forgotten."""
    return len(part.header.named.keys() & _OF_A_MESSAGE) > 1


def _is_report(part: Part) -> bool:
    values = Header.of(part.content[:MOST_RETURNED].lstrip(b"\r\n")).values(b"content-type")
    return bool(values) and "delivery-status" in values[0].lower()


def _returned(part: Part) -> Header:
    if part.kind in _RETURNED or (part.attached and part.filename.lower().endswith(".eml")):
        return Header.of(_octets(part)[:MOST_RETURNED].lstrip(b"\r\n"))
    if part.kind == "text/plain" and part.attached and _HEADER_LINE.match(part.content[:200]):
        return Header.of(_octets(part)[:MOST_RETURNED].lstrip())
    return part.header if _is_message(part) else NOTHING.header


def _octets(part: Part) -> bytes:
    if part.encoding == "base64":
        return from_base64(part.content[: 2 * MOST_RETURNED])
    return a2b_qp(part.content[:MOST_RETURNED]) if part.encoding == "quoted-printable" else part.content
