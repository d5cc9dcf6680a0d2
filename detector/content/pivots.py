"""Pivots: what a campaign cannot vary from message to message, because somebody must be reached by it."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from mypy_extensions import i64

from detector.content.letter import Letter
from detector.content.numbered import number64
from detector.content.words import MOST_TEXT

COMPILED: Final = not __file__.endswith(".py")

MOST_PIVOTS = 16
SHORTEST_WALLET: Final = 26  # letters and digits
SHORTEST_IBAN: Final = 12
SHORTEST_PHONE: Final = 9
LONGEST_PHONE = 15  # digits, ITU-T E.164

_NUMBERED = re.compile(r"[a-z0-9-]*\d[a-z0-9-]*|[a-z0-9-]{20,}")
_PHONE = re.compile(r"[+(0-9][0-9 ()/.-]{7,20}[0-9](?![\w/-])")
_DATE_LIKE = re.compile(r"(?:19|20)\d\d[-/. ]\d\d?[-/. ]\d\d?|\d\d?[-/. ]\d\d?[-/. ](?:19|20)\d\d")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_WALLET = re.compile(
    r"\b(?:bc1[a-z0-9]{25,60}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|0x[0-9A-Fa-f]{40}|T[1-9A-HJ-NP-Za-km-z]{33})\b"
)
_ADDRESS = re.compile(r"[\w.+=-]{1,64}@[\w.-]{3,253}")
_NO_DIGIT = re.compile(r"[^0-9]+")

# Most texts have none of these numbers, and where these stand beside each other is seen in a tenth of the time that a
# search takes.
_WALLETS: Final = 1  # letters and digits
_IBANS: Final = 2  # capital letters, digits and blanks
_PHONES: Final = 4  # digits, and what stands between those of a telephone number
_DIGITS: Final = 8
_CAPITALS: Final = 16  # with digits
_KINDS: Final = bytes(
    [
        _WALLETS * letter.isalnum()
        + _IBANS * (letter.isupper() or letter.isdigit() or letter == " ")
        + _PHONES * (letter.isdigit() or letter in " ()/.-")
        + _DIGITS * letter.isdigit()
        + _CAPITALS * (letter.isupper() or letter.isdigit())
        for letter in map(chr, range(128))
    ]
)
_KINDS_OF = {
    within: bytes([ord("x" if kinds & counted else "-" if kinds & within else " ") for kinds in _KINDS]).ljust(256)
    for within, counted in ((_WALLETS, _WALLETS), (_IBANS, _CAPITALS), (_PHONES, _DIGITS))
}


def pivots(letter: Letter) -> tuple[int, ...]:
    """64-bit numbers, each once, in the order of their weight: links, account numbers, Reply-To, telephone numbers."""
    found: dict[int, None] = {}
    for link in letter.links[:MOST_PIVOTS]:
        found[_link(link.host, link.shape)] = None
    text = letter.text[:MOST_TEXT]
    if together(text, _WALLETS, _WALLETS, SHORTEST_WALLET):
        found.update(_numbered("wallet", _wallets(text)))
    if ibans := _ibans(text):
        found.update(_numbered("iban", [one for one in ibans if _is_iban(one)]))
    if letter.reply_to and (reply_to := _ADDRESS.search(letter.reply_to)):
        found[number64("reply-to", reply_to[0].lower())] = None
    found.update(_numbered("phone", _phones(_IBAN.sub(" ", text) if ibans else text)))
    return tuple([*found][:MOST_PIVOTS])


def together(text: str, within: i64, counted: i64, least: i64) -> list[tuple[int, int]]:
    """Where so many characters of a kind stand with nothing in between but what is `within`."""
    if not COMPILED:
        octets = text.encode("ascii", "replace").translate(_KINDS_OF[within])
        return [(0, len(text))] if b"x" * least in octets.replace(b"-", b"") else []
    found: list[tuple[int, int]] = []
    # Of every so many characters one is looked at: the longest run without it would be too short.
    end: i64 = len(text)
    at: i64 = least - 1
    while at < end:
        if not _kinds(text, at) & within:
            at += least
            continue
        start = at = _first(text, at, within)
        count: i64 = 0
        while at < end and (kinds := _kinds(text, at)) & within:
            count += 1 if kinds & counted else 0
            at += 1
        if count >= least:
            found.append((start, at))
        at += least
    return found


def _first(text: str, at: i64, within: i64) -> i64:
    while at > 0 and _kinds(text, at - 1) & within:
        at -= 1
    return at


def _kinds(text: str, at: i64) -> i64:
    code: i64 = ord(text[at])
    return _KINDS[code] if code < 128 else 0


def _numbered(kind: str, values: list[str]) -> Iterable[tuple[int, None]]:
    return [(number64(kind, value), None) for value in values]


def _wallets(text: str) -> list[str]:
    words = [word for word in text.split() if len(word) >= SHORTEST_WALLET]
    return [wallet[0] for word in words if (wallet := _WALLET.search(word))]


def _ibans(text: str) -> list[str]:
    """What looks like one."""
    found = []
    for start, end in together(text, _IBANS, _CAPITALS, SHORTEST_IBAN):
        found += [match.replace(" ", "") for match in _IBAN.findall(text, start, end + 1)]  # it ends where a word does
    return found


def _phones(text: str) -> list[str]:
    """With or without the country's code."""
    found = []
    for start, end in together(text, _PHONES, _DIGITS, SHORTEST_PHONE):
        for match in _PHONE.findall(text, max(start - 1, 0), end + 1):  # with the `+` before it, and what follows
            digits = _NO_DIGIT.sub("", match)
            if SHORTEST_PHONE <= len(digits) <= LONGEST_PHONE and not _DATE_LIKE.search(match):
                found.append(digits[-SHORTEST_PHONE:])
    return found


@lru_cache(maxsize=1024)  # a sender's own pages are named again and again
def _link(host: str, shape: str) -> int:
    return number64("link", _host(host) + shape)


def _host(host: str) -> str:
    """Labels that look made up by a machine are one and the same: `k3f9.shop.example` and `p7x1.shop.example`."""
    labels = host.split(".")
    shown = ["*" if _NUMBERED.fullmatch(label) else label for label in labels[:-2]]
    return ".".join(shown) + "." + ".".join(labels[-2:])


def _is_iban(text: str) -> bool:
    """ISO 13616: the remainder by 97 is 1."""
    return int("".join([str(int(letter, 36)) for letter in text[4:] + text[:4]])) % 97 == 1
