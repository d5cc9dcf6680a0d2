"""Links: the host they lead to, the shape of the path, and whether their text names another host."""

import re
from itertools import islice
from typing import Final
from urllib.parse import unquote

from detector.content.letter import Link

MOST_LINKS: Final = 20
LONGEST: Final = 500

# Both begin with what can be sought as it stands, which is ten times as fast as a set of letters.
_WITH_SCHEME: Final = re.compile(r"://(?:(?<=[tT][tT][pP]://)|(?<=[tT][tT][pP][sS]://))[^\s<>\"'\])]{4,500}+")
_WITHOUT: Final = re.compile(r"www\.(?<![\w.]www\.)(?<!//www\.)[^\s<>\"'\])]{4,500}+")
_PARTS: Final = re.compile(
    r"(?:(https?|ftp)://|(?=www\.))(?:[^/?#@\s]*@)?(\[[0-9a-f:.]+\]|[^/?#:\s\[\]]+)(?::\d*)?([^?#\s]*)", re.IGNORECASE
)
_HOST_IN_TEXT: Final = re.compile(r"(?<![@\w.-])(?:[a-z0-9-]{1,63}\.)+[a-z]{2,18}(?![@\w-])", re.IGNORECASE)
_DIGIT: Final = re.compile(r"\d")


def link(target: str, shown: str = "") -> Link | None:
    """The link, or None where it leads to no host.

    >>> link("https://a.example/login/7f3A9/index.php?u=1", "www.bank.example")
    Link(host='a.example', shape='/login/*/index.php', misleading=True)
    """
    found = _PARTS.match(target[:LONGEST])
    if not found:
        return None
    host = found[2].lower().strip(".")
    if "%" in host:
        host = unquote(host)
    return Link(host, _shape(found[3]), _names_another(shown, host))


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
