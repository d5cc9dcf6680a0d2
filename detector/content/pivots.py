"""Pivots: what a campaign cannot vary from message to message, because somebody must be reached by it."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from detector.content.fingerprint import number64
from detector.content.text import Letter
from detector.content.words import MOST_TEXT

MOST_PIVOTS = 16
SHORTEST_WALLET, SHORTEST_IBAN, SHORTEST_PHONE = 26, 12, 9  # letters and digits
LONGEST_PHONE = 15  # digits, ITU-T E.164

_NUMBERED = re.compile(r"[a-z0-9-]*\d[a-z0-9-]*|[a-z0-9-]{20,}")
_PHONE = re.compile(r"[+(0-9][0-9 ()/.-]{7,20}[0-9](?![\w/-])")
_DATE_LIKE = re.compile(r"(?:19|20)\d\d[-/. ]\d\d?[-/. ]\d\d?|\d\d?[-/. ]\d\d?[-/. ](?:19|20)\d\d")
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_WALLET = re.compile(
    r"\b(?:bc1[a-z0-9]{25,60}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|0x[0-9A-Fa-f]{40}|T[1-9A-HJ-NP-Za-km-z]{33})\b"
)
_ADDRESS = re.compile(r"[\w.+=-]{1,64}@[\w.-]{3,253}")
_NO_DIGIT = re.compile(r"[^0-9]+")

# Most texts have none of these numbers, and a table tells so in a tenth of the time that a search takes.
_OCTETS = [chr(code) if code < 128 else " " for code in range(256)]
_ALL_X = {
    "wallet": bytes(ord("x" if octet.isalnum() else " ") for octet in _OCTETS),
    "iban": bytes(ord("X" if octet.isupper() else "9" if octet.isdigit() else " ") for octet in _OCTETS),
    "phone": bytes(ord("x" if octet.isdigit() else " ") for octet in _OCTETS),
}
_WALLET_LONG, _PHONE_LONG = b"x" * SHORTEST_WALLET, b"x" * SHORTEST_PHONE
_LIKE_IBAN = re.compile(rb"XX99[X9]{%d}" % (SHORTEST_IBAN - 4))


def pivots(letter: Letter) -> tuple[int, ...]:
    """64-bit numbers, each once, in the order of their weight: links, account numbers, Reply-To, telephone numbers."""
    found = dict.fromkeys(_found(letter))
    return tuple([number64(kind, value) for kind, value in islice(found, MOST_PIVOTS)]) if found else ()


def _found(letter: Letter) -> list[tuple[str, str]]:
    found = [("link", _host(link.host) + link.shape) for link in letter.links[:MOST_PIVOTS]]
    text = letter.text[:MOST_TEXT]
    octets = text.encode("ascii", "replace")
    if _WALLET_LONG in octets.translate(_ALL_X["wallet"]):
        found += _wallets(text)
    some_iban = _LIKE_IBAN.search(octets.translate(_ALL_X["iban"], b" "))
    if some_iban:
        found += _ibans(text)
    if letter.reply_to and (reply_to := _ADDRESS.search(letter.reply_to)):
        found.append(("reply-to", reply_to[0].lower()))
    if _PHONE_LONG in octets.translate(_ALL_X["phone"], b" ()/.-"):
        found += _phones(_IBAN.sub(" ", text) if some_iban else text)
    return found


def _wallets(text: str) -> Iterator[tuple[str, str]]:
    for word in text.split():
        if len(word) >= SHORTEST_WALLET and (wallet := _WALLET.search(word)):
            yield "wallet", wallet[0]


def _ibans(text: str) -> Iterator[tuple[str, str]]:
    for match in _IBAN.findall(text):
        if _is_iban(compact := match.replace(" ", "")):
            yield "iban", compact


def _phones(text: str) -> Iterator[tuple[str, str]]:
    for match in _PHONE.findall(text):
        digits = _NO_DIGIT.sub("", match)
        if SHORTEST_PHONE <= len(digits) <= LONGEST_PHONE and not _DATE_LIKE.search(match):
            yield "phone", digits[-SHORTEST_PHONE:]  # with or without the country's code


@lru_cache(maxsize=1024)
def _host(host: str) -> str:
    """Labels that look made up by a machine are one and the same: `k3f9.shop.example` and `p7x1.shop.example`."""
    labels = host.split(".")
    return ".".join("*" if _NUMBERED.fullmatch(label) else label for label in labels[:-2]) + "." + ".".join(labels[-2:])


def _is_iban(text: str) -> bool:
    """ISO 13616: the remainder by 97 is 1."""
    return int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4])) % 97 == 1
