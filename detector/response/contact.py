"""A contact from the named values that a customer directory gives, whatever kind of directory it is."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from detector.mail.address import Address
from detector.ports import Contact

FIELDS = ("address", "name", "language", "telephone", "postal_address")
WAYS = ("address", "telephone", "postal_address")
"""Of the fields, those by which a customer can be reached."""

MAILBOX = re.compile(r"[^\s<>@\",;:]+@[^\s<>@\",;:]+")
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
NUMBER = re.compile(r"\+?[0-9]{5,15}")
"""E.164 has 15 digits at most; a gateway knows what to do with a number that lacks its country."""

SPACING = re.compile(r"\(0\)|[\s()/.-]|\u00a0")
"""What people put between digits; `(0)` stands for a digit that is not dialled from abroad."""


def contact_of(account: str, values: object) -> Contact:
    """The contact for named values of `FIELDS`; other names are not looked at.

    A value that cannot be used is left out (`complaints` tells it) as long as there is another way to reach the
    customer. Raises `ValueError`, in words for the operator, when there is none.
    """
    contact, complaints = _read(account, values)
    if not account:
        complaints.insert(0, "no account")
    if not account or not ways(contact):
        known = " or ".join(WAYS)
        raise ValueError("; ".join(complaints) or f"no {known} for account '{account}'")
    return contact


def complaints(account: str, values: object) -> list[str]:
    """What had to be left out of a contact, in words for the operator."""
    return _read(account, values)[1]


def ways(contact: Contact) -> list[str]:
    """The names of the fields by which the customer can be reached."""
    return [name for name in WAYS if getattr(contact, name)]


def without_hijacked_ways(contact: Contact) -> Contact:
    """The contact without an address that leads into the mailbox which the thief reads."""
    return replace(contact, address="") if is_hijacked(contact.address, contact.account) else contact


def is_hijacked(address: str, account: str) -> bool:
    """Whether mail to the address would land in the mailbox that the thief reads.

    Case is folded, `+detail` is cut off (RFC 5233 calls it a subaddress), a domain may be written in its ASCII form
    (RFC 5891) or with a dot at its end, and a letter with an accent as two: all lead to the same mailbox. A login
    without a domain may have its mailbox in any, so an address of the same name is taken for it. The reverse-path is
    not asked: the thief chooses it, and could choose the customer's other address to keep the notice away.

    >>> is_hijacked("Ann+Notices@example.org", "ann@example.org")
    True
    """
    contact, login = Address.parse(address), Address.parse(account)
    domain = contact.domain if login.domain else ""
    return _mailbox(contact.local_part, domain) == _mailbox(login.local_part, login.domain)


def _mailbox(local_part: str, domain: str) -> tuple[str, bytes]:
    return unicodedata.normalize("NFKC", local_part.partition("+")[0]).casefold(), _ascii(domain.removesuffix("."))


def _ascii(domain: str) -> bytes:
    try:
        return domain.encode("idna").lower()
    except UnicodeError:  # an address literal, or no domain at all
        return domain.lower().encode("utf-8", "surrogateescape")


def _read(account: str, values: object) -> tuple[Contact, list[str]]:
    """The contact of what can be used, and complaints about the rest. Raises `ValueError` for what is no mapping."""
    if not isinstance(values, Mapping) or None in values:
        msg = "not a set of named values"
        raise ValueError(msg)
    found: list[str] = []
    texts = {}
    for name in FIELDS:
        try:
            texts[name] = READERS[name](_text(values.get(name)))
        except ValueError as error:
            texts[name] = ""
            found.append(f"{error} for account '{account}'")
    return Contact(account, **texts), found


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | int):
        msg = f"{value!r} is not a text"
        raise ValueError(msg)  # noqa: TRY004 - a fault of the directory's data and not of our code
    return str(value).strip()


def _address(text: str) -> str:
    if text and not MAILBOX.fullmatch(text):
        msg = f"'{text}' is not an address"
        raise ValueError(msg)
    return text


def _name(text: str) -> str:
    return " ".join(text.split())


def _language(text: str) -> str:
    tag = text.replace("_", "-")
    if tag and not LANGUAGE.fullmatch(tag):
        msg = f"'{text}' is not a language tag such as de or pt-BR"
        raise ValueError(msg)
    return tag


def _telephone(text: str) -> str:
    """Without what stands between the digits.

    >>> _telephone("+43 (0)1 / 555-0100")
    '+4315550100'
    """
    number = SPACING.sub("", text)
    if number and not NUMBER.fullmatch(number):
        msg = f"'{text}' is not a telephone number"
        raise ValueError(msg)
    return number


def _postal_address(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


READERS = {
    "address": _address,
    "name": _name,
    "language": _language,
    "telephone": _telephone,
    "postal_address": _postal_address,
}
