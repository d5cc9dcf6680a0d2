"""Links: the host they lead to, the shape of the path, and whether their text names another host."""

import re
from itertools import islice
from typing import Final
from unicodedata import normalize
from urllib.parse import unquote

from detector.content.letter import Link

MOST_LINKS: Final = 20
LONGEST: Final = 500
LONGEST_HOST: Final = 253  # of other letters than ASCII: no name is longer (RFC 1035, section 2.3.4)

# Both begin with what can be sought as it stands, which is ten times as fast as a set of letters.
_WITH_SCHEME: Final = re.compile(r"://(?:(?<=[tT][tT][pP]://)|(?<=[tT][tT][pP][sS]://))[^\s<>\"'\])]{4,500}+")
_WITHOUT: Final = re.compile(r"www\.(?<![\w.]www\.)(?<!//www\.)[^\s<>\"'\])]{4,500}+")
# As browsers do (WHATWG URL Standard, section 4.4): the last `@` ends the name of the user.
_PARTS: Final = re.compile(
    r"(?:(https?|ftp):/*+|(?=www\.))(?>(?:[^/?#\s]*@)?)(\[[0-9a-f:.]+\]|[^/?#:\s\[\]]+)(?::\d*)?([^?#\s]*)",
    re.IGNORECASE,
)
_HOST_IN_TEXT: Final = re.compile(r"(?<![@\w.-])(?:[a-z0-9-]{1,63}\.)+[a-z]{2,18}(?![@\w-])", re.IGNORECASE)
_UNSEEN: Final = re.compile("[\u00ad\u200b\u2060\ufe00-\ufe0f\ufeff]+")  # browsers pass over them
_DIGIT: Final = re.compile(r"\d")


def link(target: str, shown: str = "") -> Link | None:
    """The link, or None where it leads to no host.

    >>> link("https://a.example/login/7f3A9/index.php?u=1", "www.bank.example")
    Link(host='a.example', shape='/login/*/index.php', misleading=True)
    """
    target = target[:LONGEST]
    found = _PARTS.match(target.replace("\\", "/") if "\\" in target else target)
    host = _host(found[2]) if found else ""
    if not found or not host:
        return None
    return Link(host, _shape(found[3]), _names_another(shown, host))


def _host(written: str) -> str:
    """All ways to write the same name are one (Unicode Technical Standard 46), but for the ASCII form of other letters.

    That would cost ten times as much, and gives each name a second way to be written, no more.
    """
    host = unquote(written) if "%" in written else written
    if not host.isascii():
        plain = normalize("NFKD", host[:LONGEST_HOST])[:LONGEST_HOST]  # one letter may stand for eighteen
        host = _UNSEEN.sub("", normalize("NFC", plain)).replace("\u3002", ".")
    return host.lower().strip(".")


def links_in(text: str, most: int = MOST_LINKS) -> list[Link]:
    """Links that are written out in plain text; first those with http."""
    written = [f"http{one}" for one in _written(_WITH_SCHEME, "://", text, MOST_LINKS)]
    written += _written(_WITHOUT, "www.", text, MOST_LINKS - len(written))
    found: list[Link] = []
    for one in written:
        if len(found) == most:
            break
        leads = link(one.rstrip(".,;:!?"))
        if leads is not None:
            found.append(leads)
    return found


def _written(pattern: re.Pattern[str], mark: str, text: str, most: int) -> list[str]:
    return [found[0] for found in islice(pattern.finditer(text), most)] if mark in text else []


def _shape(path: str) -> str:
    parts = [part if _word_like(part) else "*" for part in path.split("/")[:6] if part]
    return "/" + "/".join(parts)


def _word_like(part: str) -> bool:
    return len(part) <= 16 and part.islower() and (part.isalpha() or not _DIGIT.search(part))


def _names_another(shown: str, host: str) -> bool:
    """Compared by the last two labels: that of a registry like co.uk hides a difference, but never invents one."""
    named = _HOST_IN_TEXT.search(shown[:100]) if "." in shown else None
    if named is None or "@" in shown:
        return False
    return named[0].lower().split(".")[-2:] != host.split(".")[-2:]
