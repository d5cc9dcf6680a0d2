"""xtext (RFC 3461 section 4): values with odd octets in SMTP parameters, and the attribute lists made of it."""

import re

ATTRIBUTES_LENGTH = 4096  # Postfix keeps to lines of 512 octets; xtext makes three of one

_ESCAPE = re.compile(rb"\+([0-9A-Fa-f]{2})?")
_TO_ESCAPE = re.compile(rb"[^!-*,-<>-~]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ATTRIBUTE = re.compile(r"([A-Za-z]{1,32})=([^ ]*)")
_UNAVAILABLE = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})


def decode(text: str) -> str:
    """Read xtext. Octets that are not UTF-8 become surrogate escapes. Raises `ValueError`.

    A bare `=` is let through: Postfix does not escape it in XFORWARD.

    >>> decode("ann+2Blists@example.org")
    'ann+lists@example.org'
    """
    if _CONTROL.search(text) or " " in text:
        msg = "not xtext: space or control character"
        raise ValueError(msg)
    if "+" not in text:
        return text
    return _ESCAPE.sub(_octet, text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def encode(text: str) -> str:
    """Write xtext.

    >>> encode("a+b=c é")
    'a+2Bb+3Dc+20+C3+A9'
    """
    octets = text.encode("utf-8", "surrogateescape")
    return _TO_ESCAPE.sub(lambda match: b"+%02X" % match[0][0], octets).decode("ascii")


def attributes(argument: str) -> dict[str, str]:
    """Read the argument of XFORWARD or XCLIENT, `NAME=value ...`, with names in upper case. Raises `ValueError`.

    `[UNAVAILABLE]` and `[TEMPUNAVAIL]` become an empty value, so that they override what was said earlier. An
    `IPV6:` before an address is left away.

    >>> attributes("ADDR=IPV6:2001:db8::1 ident=[UNAVAILABLE]")
    {'ADDR': '2001:db8::1', 'IDENT': ''}
    """
    if len(argument) > ATTRIBUTES_LENGTH:
        msg = "attribute list too long"
        raise ValueError(msg)
    found: dict[str, str] = {}
    for word in filter(None, argument.split(" ")):
        match = _ATTRIBUTE.fullmatch(word)
        if match is None:
            msg = "attribute is not NAME=value"
            raise ValueError(msg)
        name = match[1].upper()
        if name in found:
            msg = f"attribute {name} given twice"
            raise ValueError(msg)
        found[name] = _attribute_value(name, match[2])
    if not found:
        msg = "no attribute"
        raise ValueError(msg)
    return found


def _attribute_value(name: str, text: str) -> str:
    if text.upper() in _UNAVAILABLE:
        return ""
    value = decode(text)
    if _CONTROL.search(value):
        msg = f"attribute {name} has a control character"
        raise ValueError(msg)
    if name in {"ADDR", "DESTADDR"} and value[:5].upper() == "IPV6:":
        return value[5:]
    return value


def _octet(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        msg = "not xtext: + without two hexadecimal digits"
        raise ValueError(msg)
    return bytes((int(match[1], 16),))
