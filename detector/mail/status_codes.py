"""Why a server refuses a recipient, as its codes tell: enhanced status codes (RFC 3463) and reply codes (RFC 5321).

Each row names its source. IANA is the registry "SMTP Enhanced Status Codes" (RFC 5248), Microsoft its public list of
non-delivery codes of Exchange Online (learn.microsoft.com, "Email non-delivery reports and SMTP errors").
"""

import re
from collections.abc import Mapping
from enum import StrEnum

ENHANCED_CODE = re.compile(r"(?<![\d.v])([245])\.([0-7])\.(\d{1,3})(?![\d.]\d)")
"""Anywhere in a text; not a part of an IP address or of a version."""


class Cause(StrEnum):
    """The vocabulary of refusals. `TEMPORARY` may pass by itself; `OTHER` says nothing about account or recipient."""

    NO_SUCH_USER = "no such user"  # or no such domain: nobody gets mail there
    MAILBOX_FULL = "mailbox full"
    POLICY = "policy"  # this message, or its sender, is refused: spam, authentication, rules of the place
    REPUTATION = "reputation"  # our network address or name is refused, whoever sends
    TEMPORARY = "temporary"
    OTHER = "other"


USER, FULL, POLICY, REPUTATION, LATER, OTHER = Cause
Row = tuple[Cause, Cause, str]

BY_DETAIL: Mapping[str, Row] = {
    # X.subject.detail: what 5 means, what 4 means, the source
    "0.0": (OTHER, LATER, "RFC 3463 section 3.1"),
    "1.0": (OTHER, LATER, "RFC 3463 section 3.2"),
    "1.1": (USER, LATER, "RFC 3463 section 3.2: bad destination mailbox address"),
    "1.2": (USER, LATER, "RFC 3463 section 3.2: bad destination system address"),
    "1.3": (USER, LATER, "RFC 3463 section 3.2: bad destination mailbox address syntax"),
    "1.4": (OTHER, LATER, "RFC 3463 section 3.2: ambiguous mailbox address"),
    "1.5": (OTHER, LATER, "RFC 3463 section 3.2: the address is valid"),
    "1.6": (USER, LATER, "RFC 3463 section 3.2: the mailbox has moved"),
    "1.7": (POLICY, LATER, "RFC 3463 section 3.2: bad sender's mailbox address syntax"),
    "1.8": (POLICY, LATER, "RFC 3463 section 3.2: bad sender's system address"),
    "1.9": (OTHER, LATER, "RFC 3886"),
    "1.10": (USER, USER, "RFC 7505 section 4.1: the domain takes no mail"),
    "2.0": (OTHER, LATER, "RFC 3463 section 3.3"),
    "2.1": (USER, LATER, "RFC 3463 section 3.3: mailbox disabled"),
    "2.2": (FULL, FULL, "RFC 3463 section 3.3: mailbox full"),
    "2.3": (OTHER, LATER, "RFC 3463 section 3.3: message too long"),
    "2.4": (OTHER, LATER, "RFC 3463 section 3.3: expansion of a list"),
    "3.0": (OTHER, LATER, "RFC 3463 section 3.4"),
    "3.1": (OTHER, LATER, "RFC 3463 section 3.4: the whole mail system is full"),
    "3.2": (OTHER, LATER, "RFC 3463 section 3.4"),
    "3.3": (OTHER, LATER, "RFC 3463 section 3.4"),
    "3.4": (OTHER, LATER, "RFC 3463 section 3.4: message too big"),
    "3.5": (OTHER, LATER, "RFC 3463 section 3.4"),
    "4.0": (LATER, LATER, "RFC 3463 section 3.5: network and routing"),
    "4.1": (LATER, LATER, "RFC 3463 section 3.5: no answer from the host"),
    "4.2": (LATER, LATER, "RFC 3463 section 3.5: bad connection"),
    "4.3": (LATER, LATER, "RFC 3463 section 3.5: a directory does not answer"),
    "4.4": (USER, LATER, "RFC 3463 section 3.5: no route; Postfix says it of a host or domain that does not exist"),
    "4.5": (LATER, LATER, "RFC 3463 section 3.5: congestion"),
    "4.6": (OTHER, LATER, "RFC 3463 section 3.5: a routing loop"),
    "4.7": (LATER, LATER, "RFC 3463 section 3.5: delivery time expired"),
    **{f"5.{detail}": (OTHER, LATER, "RFC 3463 section 3.6: protocol") for detail in range(7)},
    **{f"6.{detail}": (OTHER, LATER, "RFC 3463 section 3.7, IANA: content or media") for detail in range(11)},
    "7.0": (POLICY, LATER, "RFC 3463 section 3.8; a greylist says 4.7.0 or 4.7.1"),
    "7.1": (POLICY, LATER, "RFC 3463 section 3.8: delivery not authorized"),
    "7.2": (POLICY, LATER, "RFC 3463 section 3.8: list expansion prohibited"),
    **{f"7.{detail}": (OTHER, LATER, "RFC 3463 section 3.8: cryptography") for detail in range(3, 8)},
    **{f"7.{detail}": (OTHER, LATER, "RFC 4954 section 6, IANA: our own login") for detail in range(8, 16)},
    "7.16": (OTHER, LATER, "RFC 6710"),
    "7.17": (USER, USER, "RFC 7293 section 14: the mailbox has another owner"),
    "7.18": (USER, USER, "RFC 7293 section 14: the domain has another owner"),
    "7.19": (OTHER, LATER, "RFC 7293 section 14"),
    **{f"7.{detail}": (POLICY, POLICY, "RFC 7372 section 3: DKIM") for detail in (20, 21, 22)},
    **{f"7.{detail}": (POLICY, POLICY, "RFC 7372 section 3: SPF") for detail in (23, 24)},
    "7.25": (REPUTATION, REPUTATION, "RFC 7372 section 3: reverse DNS of our address"),
    "7.26": (POLICY, POLICY, "RFC 7372 section 3: several authentication checks"),
    "7.27": (POLICY, POLICY, "RFC 7505 section 4.2: the sender takes no mail"),
    "7.28": (REPUTATION, REPUTATION, "IANA: mail flood detected"),
    "7.29": (POLICY, POLICY, "IANA: ARC"),
    "7.30": (OTHER, LATER, "RFC 8689"),
    "7.509": (POLICY, POLICY, "Microsoft: the sending domain fails DMARC"),
    "7.511": (REPUTATION, REPUTATION, "Microsoft: banned sender"),
    "7.515": (POLICY, POLICY, "Microsoft: authentication of bulk senders"),
    "7.708": (REPUTATION, REPUTATION, "Microsoft: traffic not accepted from this address"),
    **{f"7.{detail}": (REPUTATION, REPUTATION, "Microsoft: banned sending address") for detail in range(606, 700)},
}

BY_REPLY: Mapping[int, tuple[Cause, str]] = {
    421: (LATER, "RFC 5321 section 4.2.2: service not available"),
    450: (LATER, "RFC 5321 section 4.2.2: mailbox busy or temporarily blocked"),
    451: (LATER, "RFC 5321 section 4.2.2: local error"),
    452: (LATER, "RFC 5321 section 4.2.2: insufficient system storage"),
    454: (LATER, "RFC 3207 section 4"),
    455: (LATER, "RFC 5321 section 4.2.2"),
    521: (USER, "RFC 7504 section 3: no mail is taken here"),
    550: (OTHER, "RFC 5321 section 4.2.2: no such mailbox, no access, or policy; the text decides"),
    551: (USER, "RFC 5321 section 4.2.2: user not local"),
    552: (FULL, "RFC 5321 section 4.2.2: exceeded storage allocation"),
    553: (USER, "RFC 5321 section 4.2.2: mailbox name not allowed"),
    554: (OTHER, "RFC 5321 section 4.2.2: transaction failed"),
    556: (USER, "RFC 7504 section 4: the domain takes no mail"),
}


def by_status(status: str) -> Cause | None:
    """What an enhanced status code says; None for one that is none, or says success.

    >>> by_status("5.2.2"), by_status("4.7.999"), by_status("2.0.0")
    (<Cause.MAILBOX_FULL: 'mailbox full'>, <Cause.TEMPORARY: 'temporary'>, None)
    """
    kind, _, detail = status.partition(".")
    if kind not in {"4", "5"} or not detail:
        return None
    row = BY_DETAIL.get(detail) or BY_DETAIL.get(f"{detail.partition('.')[0]}.0")  # RFC 3463 section 2: as X.n.0
    if row is None:
        return None
    return row[0] if kind == "5" else row[1]


def by_reply(code: int) -> Cause | None:
    """What a reply code says; other codes of 400 to 499 are temporary (RFC 5321 section 4.2.1)."""
    if code in BY_REPLY:
        return BY_REPLY[code][0]
    if 400 <= code < 500:
        return LATER
    return OTHER if 500 <= code < 600 else None
