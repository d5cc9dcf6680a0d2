"""The argument of MAIL and RCPT: a path and its parameters (RFC 5321 section 4.1.2).

The command itself goes to the next hop as it came; this reading is only for our own understanding. So it is as
lenient as Postfix is: spaces after the colon, missing angle brackets and odd local parts pass, the next hop decides.
"""

import re

from msgspec import Struct

from detector.mail import xtext
from detector.mail.address import Address

PATH_LENGTH = 4096

Parameters = tuple[tuple[str, str | None], ...]

# What nearly every command looks like; everything else takes the slow way below.
_PLAIN = r"{}:<([\w!#$%&'*+/=?^`{{|}}~.-]+)@([\w.-]+)>((?: [A-Za-z0-9][A-Za-z0-9-]*(?:=[!-~]+)?)*)"
_PLAIN_MAIL = re.compile(_PLAIN.format("FROM"), re.ASCII | re.IGNORECASE)
_PLAIN_RCPT = re.compile(_PLAIN.format("TO"), re.ASCII | re.IGNORECASE)

_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*"'
_WORD = r'[^\s"<>\x00-\x1f\x7f]'
_PREFIX = re.compile(r"(FROM|TO)[ \t]*:[ \t]*", re.IGNORECASE)
_BRACKETED = re.compile(rf"<[ \t]*((?:{_QUOTED}|{_WORD})*)[ \t]*>(?=[ \t]|\Z)")
_BARE = re.compile(rf"((?:{_QUOTED}|{_WORD})+)(?=[ \t]|\Z)")
_ROUTE = re.compile(r"@(?:\[[^\]]*\]|[^@,:\[\]])+(?:,@(?:\[[^\]]*\]|[^@,:\[\]])+)*:")
_DOMAIN = re.compile(r'\[[^\[\]]+\]|[^\[\]"\\(),:;]+')
_PLAIN_QUOTED = re.compile(r'"([\w!#$%&\'*+/=?^`{|}~-]+(?:\.[\w!#$%&\'*+/=?^`{|}~-]+)*)"')
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\x00-\x20\x7f]+))?")
_DIGITS = re.compile(r"[0-9]{1,20}")  # RFC 1870 section 4


class Path(Struct, frozen=True, gc=False):
    """Where mail comes from or goes to. Keywords are in upper case; a value is None where none is given."""

    address: Address
    parameters: Parameters = ()

    def value(self, keyword: str) -> str | None:
        """The value of a parameter as written; None if it is absent or has none."""
        for name, value in self.parameters:
            if name == keyword:
                return value
        return None

    @property
    def size_bytes(self) -> int | None:
        """SIZE (RFC 1870), the size that the client declares."""
        value = self.value("SIZE")
        return None if value is None else int(value)

    @property
    def auth(self) -> str:
        """AUTH (RFC 4954 section 5), decoded; empty if absent, `<>` or not xtext: it then says nothing."""
        if not self.parameters:  # as mostly
            return ""
        try:
            value = xtext.decode(self.value("AUTH") or "")
        except ValueError:
            return ""
        return "" if value == "<>" else value

    @property
    def smtputf8(self) -> bool:
        """SMTPUTF8 (RFC 6531 section 3.4)."""
        return bool(self.parameters) and any(name == "SMTPUTF8" for name, _ in self.parameters)

    @property
    def body(self) -> str:
        """BODY (RFC 6152, RFC 3030) in upper case, or an empty string."""
        return (self.value("BODY") or "").upper()


def parse_mail(argument: str) -> Path:
    """Read what follows `MAIL `. A null reverse-path is a null address. Raises `ValueError` with a short reason.

    >>> parse_mail("FROM:<ann@example.org> SIZE=1000").size_bytes
    1000
    """
    path = _parse(argument, "FROM", _PLAIN_MAIL)
    for keyword, value in path.parameters:
        if keyword == "SIZE" and (value is None or _DIGITS.fullmatch(value) is None):
            msg = "SIZE is not a number"
            raise ValueError(msg)
    return path


def parse_rcpt(argument: str) -> Path:
    """Read what follows `RCPT `. A source route is passed over. Raises `ValueError` with a short reason.

    >>> str(parse_rcpt("TO:<@relay.example:bob@example.net>").address)
    'bob@example.net'
    """
    path = _parse(argument, "TO", _PLAIN_RCPT)
    if path.address.is_null:
        msg = "a recipient is needed"
        raise ValueError(msg)
    return path


def _parse(argument: str, verb: str, plain: re.Pattern[str]) -> Path:
    if len(argument.encode("utf-8", "surrogatepass")) > PATH_LENGTH:
        msg = "path too long"
        raise ValueError(msg)
    match = plain.fullmatch(argument)
    if match is not None:
        local_part, domain, rest = match.groups()
        return Path(Address(local_part, domain), _parameters(rest) if rest else ())
    return _parse_slowly(argument, verb)


def _parse_slowly(argument: str, verb: str) -> Path:
    prefix = _PREFIX.match(argument)
    if prefix is None or prefix[1].upper() != verb:
        msg = f"{verb}: is missing"
        raise ValueError(msg)
    match = _BRACKETED.match(argument, prefix.end()) or _BARE.match(argument, prefix.end())
    if match is None:
        msg = "not a path"
        raise ValueError(msg)
    return Path(_mailbox(match[1]), _parameters(argument[match.end() :]))


def _mailbox(text: str) -> Address:
    if not text:
        return Address("", "")  # RFC 5321 section 4.5.5
    route = _ROUTE.match(text)
    if route is not None:
        text = text[route.end() :]  # RFC 5321 appendix C: source routes are ignored
    local_part, at, domain = text.rpartition("@")
    if not at:
        return Address(text, "")  # RFC 5321 section 4.1.1.3: "postmaster" stands alone
    if not local_part or _DOMAIN.fullmatch(domain) is None:
        msg = "not an address"
        raise ValueError(msg)
    return Address(_unquoted(local_part), domain)


def _unquoted(local_part: str) -> str:
    # RFC 5321 section 4.1.2: "ann"@ and ann@ are one mailbox, and must not count as two.
    match = _PLAIN_QUOTED.fullmatch(local_part)
    return match[1] if match else local_part


def _parameters(text: str) -> Parameters:
    found: list[tuple[str, str | None]] = []
    seen: set[str] = set()
    for word in filter(None, text.replace("\t", " ").split(" ")):
        match = _PARAMETER.fullmatch(word)
        if match is None:
            msg = "parameter is not KEYWORD or KEYWORD=value"
            raise ValueError(msg)
        keyword = match[1].upper()
        if keyword in seen:
            msg = f"parameter {keyword} given twice"
            raise ValueError(msg)
        seen.add(keyword)
        found.append((keyword, match[2]))
    return tuple(found)
