"""The notice to the customer: what it is about, and what a template of it is given."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from detector.incident.incident import Incident

VARIABLES = (
    "account",
    "name",
    "when",
    "recipients",
    "network",
    "afterwards",
    "done",
    "contact",
    "sender",
    "code",
    "incident",
)
"""What a template may name. There is no variable for a password, because nothing here knows one."""

AFTERWARDS = "came back"
"""The fact of an incident that was found by answers to mail that had passed; its words say which."""

NUMBER = re.compile(r"\d+")


class Kind(StrEnum):
    """What a customer is told about an incident, and nothing else: customers are e-mailed as rarely as possible."""

    NOTICE = "notice"
    APOLOGY = "apology"  # a person found that it was a false alarm, and a notice had gone out


class Form(StrEnum):
    """How long the text may be."""

    MAIL = "mail"  # a subject and a letter
    SHORT = "short"  # what a telephone shows of a short message


@dataclass(frozen=True, slots=True)
class Facts:
    """What a template is given.

    `done` are the names of the steps that were done; `name` is the customer's, `sender` the abuse desk's; `contact`
    tells how people are reached there; `code` ends the block once, where that is offered. What is empty is not known.
    """

    incident: Incident
    done: Collection[str] = ()
    name: str = ""
    sender: str = ""
    contact: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A finished text for the customer of one incident; `short` is the same for a short message."""

    incident_id: str
    account: str
    subject: str
    body: str
    short: str = ""
    language: str = "en"
    kind: Kind = Kind.NOTICE


def values_of(facts: Facts) -> dict[str, object]:
    """The variables of a template.

    Of the client's address only the network is told: a customer can recognise the own one, and a thief who reads along
    learns nothing new.
    """
    incident = facts.incident
    recipients = NUMBER.search(incident.facts.get("recipients", ""))
    return {
        "account": one_line(incident.account),
        "name": one_line(facts.name),
        "when": datetime.fromtimestamp(incident.opened_at, UTC),
        "recipients": recipients.group() if recipients else "",
        "network": network_of(incident.facts.get("client", "")),
        "afterwards": AFTERWARDS in incident.facts,
        "done": frozenset(facts.done),
        "contact": facts.contact,
        "sender": facts.sender,
        "code": facts.code,
        "incident": incident.incident_id,
    }


def network_of(address: str) -> str:
    """The /24 or /48 around an address, for people; empty for what is none.

    >>> network_of("192.0.2.77")
    '192.0.2.0/24'
    >>> network_of("2001:db8:1:2::3")
    '2001:db8:1::/48'
    """
    try:
        parsed = ip_address(address.strip("[]").removeprefix("IPv6:"))
    except ValueError:
        return ""
    network: IPv4Network | IPv6Network = ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False)
    return str(network)


def one_line(text: str) -> str:
    """An account is what a client typed: a line break in it must not write lines of the notice."""
    return "".join(character if character.isprintable() else "?" for character in text.strip())
