"""Which mail program wrote a header section, by its shape, and who is named as the author.

Structure tells programs and people apart without a look at what is said (Gascon et al., RAID 2018). Nothing here is
proof: all of it is written by the sender. What counts is that an account's shape changes.
"""

import re
from functools import lru_cache
from typing import Final

from librt.strings import StringWriter
from mypy_extensions import i32, i64

from detector.mail.headers import Header

# A thief can send any number of fields; a program writes its own among the first, below what servers put on top.
MOST_FIELDS = 64
MOST_BYTES = 32_768
LONGEST_NAME = 40
LONGEST_ID = 250
LENGTH_OF_UUID = 36

# Not To: a letter with blind copies only has none, and the order of the others tells as many programs apart.
_LETTERS = {
    b"from": "F",
    b"subject": "S",
    b"date": "D",
    b"message-id": "I",
    b"mime-version": "V",
    b"x-mailer": "",
    b"user-agent": "",
}
# Programs write these two names in their own ways, servers seldom touch them.
_OTHERWISE = {b"Message-ID": "I", b"MIME-Version": "V"}

_VALUE = re.compile(rb"[^\n]*+(?>(?:\n\.?[ \t][^\n]*+){0,3})")

# These write the same fields in another order for a reply than for a new message (they go by a hash table, or by what
# was filled in first); and Thunderbird no longer calls itself Mozilla/5.0 since version 102.
_NAMED = re.compile(rb"Thunderbird|Icedove|SeaMonkey|Betterbird|Postbox|(?:Apple|iPhone|iPad) Mail")
_BEFORE_VERSION = re.compile(rb"[ \t\r\n\"]*+([^\d(/\r\n]*+)([(/\r\n]?)")

_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# Random tokens are written in these; which of the marks are in one is chance.
_IN_TOKEN: Final = bytes([chr(code).isalnum() or chr(code) in "_+=~/-" for code in range(128)])
_LONG_TOKEN = re.compile(r"[A-Za-z0-9]{20}")  # (10/16)^20: no longer chance that there is no letter in hexadecimal
_DIGIT = re.compile(r"\d")

# Linear: what is not closed goes on to the end.
_ASIDE = re.compile(r"\"(?>(?:[^\"\\]++|\\.?)*)\"?|\([^()]*+\)", re.DOTALL)
_BRACKETED = re.compile(r"<\s*+([^\s<>@\",;]{1,64}+@[^\s<>@\",;]{1,255}+)\s*+>")
_BARE = re.compile(r"(?<![^\s:,;])([^\s<>@\",;:]{1,64}+@[^\s<>@\",;]{1,255}+)")


def program_of(header: Header, author_domain: str = "") -> str:
    r"""A short text: name without version, skeleton of Message-ID, order of the fields that all messages have.

    `author_domain` is the domain of the reverse-path: where Message-ID ends in it, or in that of From, it tells of the
    sender and not of the program. Empty where there is nothing to see.

    >>> section = b"Date: x\nFrom: a@b.example\nMessage-Id: <5f.17.AQ@mail.shop.example>\nX-Mailer: Swift 5.1\n"
    >>> program_of(Header.of(section))
    'Swift|m.m.m@shop.example|DFi'
    """
    fields = _within_reach(header).written[:MOST_FIELDS]
    order, at, named = _order(tuple([written for written, _ in fields]))
    name = b""
    for place in named:
        name = name or _beginning(fields[place][1])
    message_id = b"" if at is None else _beginning(fields[at][1])
    if not (order or name):
        return ""
    shown, sorts_fields = _shown(name)
    own = (author_domain, author_of(header).rpartition("@")[2]) if message_id else ()
    return f"{shown}|{_skeleton(message_id, own)}|{'' if sorts_fields else order}"


def author_of(header: Header) -> str:
    r"""The lower-case address in the first From (RFC 5322 section 3.6.2), of several the first; empty if there is none.

    >>> author_of(Header.of(b"Subject: x\nFrom: \"Bob <bob@b.example>\"\n <Ann@A.example>\n"))
    'ann@a.example'
    """
    authors = _within_reach(header).named.get(b"from")
    return _author(authors[0][:1000]) if authors else ""


@lru_cache(maxsize=1024)  # asked for twice with each message, and the same authors come again
def _author(written: bytes) -> str:
    text = written.decode("utf-8", "replace")
    if '"' in text or "(" in text:
        text = _ASIDE.sub(" ", text)
    for mailbox in text.split(",", 8):
        address = _BRACKETED.search(mailbox) or _BARE.search(mailbox)
        if address:
            return address[1].lower()
    return ""


@lru_cache(maxsize=256)  # of at most MOST_BYTES; there are fewer of them than messages
def _order(names: tuple[bytes, ...]) -> tuple[str, int | None, tuple[int, ...]]:
    """Of fields with these names: their order in letters, which one is Message-ID, and which may name the program."""
    order, message_id, named = {}, None, []
    for place, written in enumerate(names):
        letter = _LETTERS.get(written.lower())
        if letter == "":
            named.append(place)
        elif letter is not None and letter not in order:
            order[letter] = letter if written in _OTHERWISE or letter not in "IV" else letter.lower()
            message_id = place if letter == "I" else message_id
    return "".join(order.values()), message_id, tuple(named)


def _within_reach(header: Header) -> Header:
    return header if len(header.section) <= MOST_BYTES else Header.of(header.section[:MOST_BYTES])


def _beginning(value: bytes) -> bytes:
    if b"\n" not in value:
        return value[: 2 * LONGEST_ID].strip()
    found = _VALUE.match(value, 0, 2 * LONGEST_ID)
    return found[0].strip() if found else b""


@lru_cache(maxsize=1024)  # there are fewer programs than messages
def _shown(name: bytes) -> tuple[str, bool]:
    """The name of a program without its version, and whether it is one that sorts fields in its own ways."""
    known = _NAMED.search(name)
    return (known[0] if known else _unnumbered(name)).decode("ascii", "replace"), known is not None


def _unnumbered(name: bytes) -> bytes:
    """What stands before the version, whether as a number, after a slash or in a comment."""
    found = _BEFORE_VERSION.match(name)
    if found is None:
        return b""
    text, end = found.groups()
    if not end and found.end() < len(name):  # a digit: the letters before it belong to it, as in v7 or Rev31
        text = text.rstrip(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") or text
    return text[:LONGEST_NAME].strip()


def _skeleton(message_id: bytes, own: tuple[str, ...]) -> str:
    """The marks between the tokens, and whose domain it is: U and u stand for a UUID, X, x and m for a token.

    Upper or lower case is told of long tokens only: in a short one it may be that there are just digits, by chance.
    """
    text = message_id[:LONGEST_ID].decode("ascii", "replace").strip("<> \t\r\n")
    local, at, domain = text.rpartition("@")
    if not at:
        local, domain = domain, ""
    return (_local(local) + at + _foreign(domain.lower(), own)) if text else ""


def _local(text: str) -> str:
    upper, lower = text != text.lower(), text != text.upper()
    if len(text) == LENGTH_OF_UUID and _UUID.fullmatch(text):
        return "U" if upper else "u"
    if upper and lower:
        return _marked(text, "m")
    return _marked(text, "X" if upper and _LONG_TOKEN.search(text) else "x")


def _marked(text: str, mark: str) -> str:
    """The text with a mark in place of each token."""
    shape, within = StringWriter(), False
    for at in range(i64(len(text))):
        code: i64 = ord(text[at])
        if code >= 128 or not _IN_TOKEN[code]:
            shape.append(i32(code))
            within = False
        elif not within:
            shape.append(i32(ord(mark)))
            within = True
    return shape.getvalue()


@lru_cache(maxsize=1024)  # of at most LONGEST_ID; there are fewer hosts than messages
def _foreign(domain: str, own: tuple[str, ...]) -> str:
    """The last two labels, as the first ones name a computer; nothing for one without a domain, and for numbers."""
    end = domain.split(".")[-2:]
    if len(end) < 2 or any(end == other.lower().split(".")[-2:] for other in own):
        return ""
    shown = ".".join(end)
    return "" if _DIGIT.search(shown) else shown
