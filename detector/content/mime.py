"""The parts of a message (RFC 2045 and 2046), within bounds: broken MIME is read as far as it goes, nothing raises."""

import re
from binascii import a2b_qp
from functools import lru_cache
from typing import Final, final

from detector.content.charset import decoded, from_base64, header_text
from detector.mail.headers import SECTION_LENGTH, Header
from detector.mail.search import find_by
from detector.mail.written import Written

MOST_BYTES: Final = 1 << 20  # of a message; what stands further down is seldom read
MOST_PARTS: Final = 100
MOST_MARKS: Final = 200  # lines that begin like a delimiter of a multipart
MOST_HEADER_BYTES: Final = 131_072  # header sections of all parts together: a field costs as much as a line of text
MOST_SECTION_BYTES: Final = SECTION_LENGTH + 2  # with the empty line
DEEPEST: Final = 8
MOST_TEXT_BYTES: Final = 262_144  # of a part, as transferred
SHOWN_KINDS: Final = ("text/plain", "text/html")
LONGEST_VALUE: Final = 2000
LONGEST_KNOWN: Final = 400  # octets of the header section of a part: most are the same few

_PARAMETER: Final = re.compile(r';\s*+([a-z]++)[*0-9]*+\s*+=\s*+(?:"([^"]*+)"?|([^;\s]*+))', re.IGNORECASE)
_KIND: Final = re.compile(r"\s*+([a-z0-9.+-]++/[a-z0-9.+-]++)", re.IGNORECASE)


@final
class Described:
    """What the header section of a part says of it. `kind` is that of a leaf, also where a multipart is broken."""

    def __init__(self, header: Header) -> None:
        kind, parameters = _media_type(first_of(header, b"content-type"))
        disposition = _first(header, b"content-disposition")
        names = dict(_pairs(disposition)) if disposition else {}
        self.header: Final = header
        self.multipart: Final = kind.startswith("multipart/")
        self.kind: Final = "text/plain" if self.multipart else kind
        self.alternative: Final = kind == "multipart/alternative"
        self.boundary: Final = parameters.get("boundary", "")
        self.charset: Final = parameters.get("charset", "")
        self.encoding: Final = _encoding(first_of(header, b"content-transfer-encoding"))
        self.filename: Final = header_text(names.get("filename") or parameters.get("name") or "")
        self.attached: Final = disposition.strip().lower().startswith("attachment")
        self._written = b""

    @property
    def written(self) -> bytes:
        """All that matters of it, for `Message.said`."""
        if not self._written:
            said = self.kind, self.charset, self.encoding, self.filename, self.attached
            self._written = ascii(said)[:-1].encode()
        return self._written


@final
class Part:
    """A leaf of the tree of parts. `kind` is the media type; `alternative`: another part says the same differently.

    What it holds stays where it lies, in `octets[start:end]`: most of a large message is attached, and never read.
    """

    def __init__(self, described: Described, alternative: bool, octets: bytes, start: int, end: int) -> None:
        self.described: Final = described
        self.header = described.header
        self.kind: Final = described.kind
        self.charset: Final = described.charset
        self.encoding: Final = described.encoding
        self.filename: Final = described.filename
        self.attached: Final = described.attached
        self.alternative: Final = alternative
        self.octets: Final = octets
        self.start: Final = start
        self.end: Final = end

    def under(self, header: Header) -> "Part":
        """The same with another header."""
        part = Part(self.described, self.alternative, self.octets, self.start, self.end)
        part.header = header
        return part

    @property
    def content(self) -> bytes:
        """As transferred."""
        return self.octets[self.start : self.end]

    @property
    def shown(self) -> bool:
        """As a page or as text, with the message."""
        return self.kind in SHOWN_KINDS and not self.attached

    @property
    def text_bytes(self) -> bytes:
        """What is read of it."""
        return self.octets[self.start : self.start + self.text_size_bytes]

    @property
    def text_size_bytes(self) -> int:
        return min(self.end - self.start, MOST_TEXT_BYTES)

    @property
    def text(self) -> str:
        content = self.text_bytes
        if self.encoding == "base64":
            content = from_base64(content)
        elif self.encoding == "quoted-printable":
            content = a2b_qp(content)
        return decoded(content, self.charset)


@final
class Message:
    """The decoded header fields that a reader, or who answers, gets to see; and the parts in their order."""

    def __init__(self, subject: str, reply_to: str, parts: tuple[Part, ...]) -> None:
        self.subject: Final = subject
        self.reply_to: Final = reply_to
        self.parts: Final = parts

    @property
    def said(self) -> bytes:
        """All that the message says; of what is attached counts only what it is, and its name.

        The copies of a mailing have it in common, though each has boundaries of its own.
        """
        said = [ascii((self.subject, self.reply_to)).encode()]
        for part in self.parts:
            text = part.text_bytes if part.shown else b""
            said.append(part.described.written)
            said.append(b", %a, %d)" % (part.alternative, len(text)))
            said.append(text)
        return b"".join(said)


def parsed(written: Written) -> Message:
    """The parts of a message, and what its header says to readers."""
    header, start = written.header, written.start
    end = min(written.end, start + MOST_BYTES - len(header.section))
    parts = tuple(_leaves(header, written.octets, start, end))
    return Message(header_text(_first(header, b"subject")), header_text(_first(header, b"reply-to")), parts)


def _leaves(header: Header, octets: bytes, start: int, end: int) -> list[Part]:
    found, depth, alternative = Described(header), 0, False
    parts: list[Part] = []
    broken: list[tuple[int, Part]] = []  # their boundaries never occur
    waiting: list[tuple[int, int, int, bool]] = []
    room = MOST_HEADER_BYTES
    for _ in range(2 * MOST_PARTS):
        if found.multipart and found.boundary and depth < DEEPEST:
            pieces = _split(octets, start, end, found.boundary.encode("utf-8", "surrogateescape"))
            if not pieces:
                broken.append((len(parts), Part(found, alternative, octets, start, end)))
            alternative = alternative or found.alternative
            waiting += [(top, last, depth + 1, alternative) for top, last in reversed(pieces)]
        else:
            parts.append(Part(found, alternative, octets, start, end))
        if not waiting or room <= 0 or len(parts) == MOST_PARTS:
            break
        top, end, depth, alternative = waiting.pop()
        found, start = _apart(octets, top, end)
        room -= start - top
    # Shown as text by some programs and not at all by others: beside a text it would only be there to be read by us.
    if broken and not any(part.shown for part in parts):
        for place, part in reversed(broken):
            parts.insert(place, part)
    return parts


def _apart(octets: bytes, start: int, end: int) -> tuple[Described, int]:
    """What the header section of a part says, and where what follows it begins."""
    top = octets.find(b"\n\r\n", start, min(start + LONGEST_KNOWN, end)) + 3
    known = _known(octets[start:top]) if top > 2 else None
    if known is not None:
        return known, top
    header = Header.of(octets[start : min(start + MOST_SECTION_BYTES, end)])
    return Described(header), start + len(header.section)


@lru_cache(maxsize=512)
def _known(section: bytes) -> Described | None:
    """None where the section ends earlier."""
    header = Header.of(section)
    return Described(header) if header.section == section else None


def _first(header: Header, name: bytes) -> str:
    return _value(written) if (written := first_of(header, name)) else ""


def first_of(header: Header, name: bytes) -> bytes:
    """The value of the first field of the name, as readers do."""
    return header.named[name][0][:LONGEST_VALUE] if name in header.named else b""


def _value(written: bytes) -> str:
    return written.decode("utf-8", "surrogateescape").strip().replace("\r", "").replace("\n", "")


# Most parts are of the same few types, and written in three or four ways.
@lru_cache(maxsize=64)
def _encoding(written: bytes) -> str:
    return _value(written).strip().lower()


def _media_type(written: bytes) -> tuple[str, dict[str, str]]:
    """RFC 2045 section 5.2: what says nothing sensible is plain text."""
    return _read_type(written) if b"boundary" in written else _known_type(written)  # each boundary comes once


@lru_cache(maxsize=64)
def _known_type(written: bytes) -> tuple[str, dict[str, str]]:
    return _read_type(written)


def _read_type(written: bytes) -> tuple[str, dict[str, str]]:
    value = _value(written)
    kind = _KIND.match(value)
    return (kind[1].lower(), dict(_pairs(value))) if kind else ("text/plain", {})


def _pairs(value: str) -> list[tuple[str, str]]:
    return [(name.lower(), quoted or bare) for name, quoted, bare in _PARAMETER.findall(value)]


def _split(octets: bytes, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """Where the body parts of a multipart begin and end (RFC 2046 section 5.1.1); the last may lack its delimiter.

    Above `start` there is a header section, for that names the boundary.
    """
    mark = b"\n--" + boundary
    found: list[tuple[int, int]] = []
    part = -1
    at = start - 1 if octets.startswith(mark[1:], start, end) else find_by(b"-", mark, octets, start, end)
    for _ in range(MOST_MARKS):
        if at < 0 or len(found) == MOST_PARTS:
            break
        line_end = octets.find(b"\n", at + len(mark), end)
        line_end = end if line_end < 0 else line_end
        padding = octets[at + len(mark) : line_end].strip()
        if padding in (b"", b"--"):  # else a longer boundary that starts alike
            if part >= 0:
                found.append((part, max(part, at)))
            part = min(line_end + 1, end)
            if padding:
                return found
        at = find_by(b"-", mark, octets, line_end, end)
    return [*found, (part, end)] if part >= 0 else found
