"""Links: the host they lead to, the shape of the path, and whether their text names another host."""

import re
from collections.abc import Iterator
from itertools import chain, islice
from urllib.parse import unquote

from msgspec import Struct

MOST_LINKS = 20
LONGEST = 500

# Both begin with what can be sought as it stands, which is ten times as fast as a set of letters.
_WITH_SCHEME = re.compile(r"://(?:(?<=[tT][tT][pP]://)|(?<=[tT][tT][pP][sS]://))[^\s<>\"'\])]{4,500}+")
_WITHOUT = re.compile(r"www\.(?<![\w.]www\.)(?<!//www\.)[^\s<>\"'\])]{4,500}+")
_PARTS = re.compile(
    r"(?:(https?|ftp)://|(?=www\.))(?:[^/?#@\s]*@)?(\[[0-9a-f:.]+\]|[^/?#:\s\[\]]+)(?::\d*)?([^?#\s]*)", re.IGNORECASE
)
_HOST_IN_TEXT = re.compile(r"(?<![@\w.-])(?:[a-z0-9-]{1,63}\.)+[a-z]{2,18}(?![@\w-])", re.IGNORECASE)
_ADDRESS = re.compile(r"[\d.]+|\[.*\]|0x[0-9a-f]+")
_DIGIT = re.compile(r"\d")


class Link(Struct, frozen=True, gc=False):
    """`shape` is the path without what varies from message to message: numbers, tokens, the query."""

    host: str
    shape: str
    misleading: bool = False

    @property
    def numeric(self) -> bool:
        """The host is an address, no name."""
        return _ADDRESS.fullmatch(self.host) is not None


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


def links_in(text: str) -> Iterator[Link]:
    """Links that are written out in plain text; first those with http."""
    if "://" not in text and "www." not in text:
        return
    written = chain(
        (f"http{match[0]}" for match in _WITH_SCHEME.finditer(text)),
        (match[0] for match in _WITHOUT.finditer(text)),
    )
    for one in islice(written, MOST_LINKS):
        found = link(one.rstrip(".,;:!?"))
        if found:
            yield found


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
