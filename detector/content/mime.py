"""The parts of a message (RFC 2045 and 2046), within bounds: broken MIME is read as far as it goes, nothing raises."""

import re
from binascii import a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass

from detector.content.charset import decoded, from_base64, header_text
from detector.mail.headers import header_section

MOST_BYTES = 1 << 20  # of a message; what stands further down is seldom read
MOST_PARTS = 100
DEEPEST = 8
MOST_TEXT_BYTES = 262_144  # of a part, as transferred
LONGEST_VALUE = 2000

# Begins with a line end, not with ^: a search for an octet is many times as fast.
_WANTED = re.compile(
    rb"\n(subject|reply-to|content-(?:type|transfer-encoding|disposition))[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r';\s*+([a-z]++)[*0-9]*+\s*+=\s*+(?:"([^"]*+)"?|([^;\s]*+))', re.IGNORECASE)
_KIND = re.compile(r"\s*+([a-z0-9.+-]++/[a-z0-9.+-]++)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the tree of parts. `kind` is the media type; `alternative`: another part says the same differently."""

    kind: str
    charset: str
    encoding: str
    filename: str
    attached: bool
    alternative: bool
    content: bytes

    @property
    def text(self) -> str:
        content = self.content[:MOST_TEXT_BYTES]
        if self.encoding == "base64":
            content = from_base64(content)
        elif self.encoding == "quoted-printable":
            content = a2b_qp(content)
        return decoded(content, self.charset)


@dataclass(frozen=True, slots=True)
class Message:
    """The decoded header fields that a reader, or who answers, gets to see; and the parts in their order."""

    subject: str
    reply_to: str
    parts: tuple[Part, ...]


def parsed(body: bytes) -> Message:
    """A message as it was sent: header section, empty line, and the rest."""
    head, rest = _headed(body[:MOST_BYTES])
    parts = []
    for part in _leaves(head, rest):
        parts.append(part)
        if len(parts) == MOST_PARTS:
            break
    return Message(header_text(head.get("subject", "")), header_text(head.get("reply-to", "")), tuple(parts))


def _leaves(head: dict[str, str], content: bytes) -> Iterator[Part]:
    waiting = [(head, content, 0, False)]
    for _ in range(2 * MOST_PARTS):
        if not waiting:
            return
        head, content, depth, alternative = waiting.pop()
        kind, parameters = _media_type(head.get("content-type", ""))
        boundary = parameters.get("boundary", "")
        if kind.startswith("multipart/") and boundary and depth < DEEPEST:
            alternative = alternative or kind == "multipart/alternative"
            inner = _split(content, boundary.encode("utf-8", "surrogateescape"))
            waiting += [(*_headed(piece), depth + 1, alternative) for piece in reversed(inner)]
        else:
            disposition = head.get("content-disposition", "")
            names = dict(_pairs(disposition)) if disposition else {}
            yield Part(
                kind="text/plain" if kind.startswith("multipart/") else kind,
                charset=parameters.get("charset", ""),
                encoding=head.get("content-transfer-encoding", "").strip().lower(),
                filename=header_text(names.get("filename") or parameters.get("name") or ""),
                attached=disposition.strip().lower().startswith("attachment"),
                alternative=alternative,
                content=content,
            )


def _headed(piece: bytes) -> tuple[dict[str, str], bytes]:
    """The wanted fields (the first of each name, as readers do), and what follows the header section."""
    section = header_section(piece)
    found: dict[str, str] = {}
    for match in _WANTED.finditer(b"\n" + section):
        value = match[2][:LONGEST_VALUE].decode("utf-8", "surrogateescape")
        found.setdefault(match[1].decode("ascii").lower(), value.strip().replace("\r", "").replace("\n", ""))
    return found, piece[len(section) :]


def _media_type(value: str) -> tuple[str, dict[str, str]]:
    """RFC 2045 section 5.2: what says nothing sensible is plain text."""
    kind = _KIND.match(value)
    return (kind[1].lower(), dict(_pairs(value))) if kind else ("text/plain", {})


def _pairs(value: str) -> Iterator[tuple[str, str]]:
    for match in _PARAMETER.finditer(value):
        yield match[1].lower(), match[2] if match[2] is not None else match[3]


def _split(content: bytes, boundary: bytes) -> list[bytes]:
    """The body parts of a multipart (RFC 2046 section 5.1.1); the last may lack its closing delimiter."""
    content, mark = b"\n" + content, b"\n--" + boundary
    found: list[bytes] = []
    start = -1
    at = content.find(mark)
    while at >= 0 and len(found) < MOST_PARTS:
        line_end = content.find(b"\n", at + len(mark))
        line_end = len(content) if line_end < 0 else line_end
        padding = content[at + len(mark) : line_end].strip()
        if padding in (b"", b"--"):  # else a longer boundary that starts alike
            if start >= 0:
                found.append(content[start:at])
            start = line_end + 1
            if padding:
                return found
        at = content.find(mark, line_end)
    return [*found, content[start:]] if start >= 0 else found
