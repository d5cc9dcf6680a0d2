"""Complaints: feedback reports (RFC 5965, RFC 6591), and mail that people pass on because they do not want it."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

from detector.reports.delivery_status import address_in
from detector.reports.original import original_of
from detector.reports.parts import Pieces, first
from detector.reports.passed_on import passed_on
from detector.reports.values import AuthFailure, Complaint, NotAReport

MOST_RECIPIENTS = 100
LONGEST_KIND = 40
MOST_FIELDS = 500

FORWARDED = "forwarded"
PRAISE = "not-spam"  # RFC 6430: somebody takes the message out of a folder for spam

_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,60})[ \t]*:[ \t]*(.*(?:\n[ \t].*)*)")
_KIND = re.compile(r"[a-z][a-z0-9-]*")
# Feedback-Type: auth-failure (RFC 6591), and what DMARC reporters wrote before it or beside it.
_AUTHENTICATION = frozenset({"auth-failure", "dmarc", "dkim", "spf"})


def feedback(pieces: Pieces) -> Complaint | AuthFailure | NotAReport | None:
    """A report in the abuse reporting format."""
    if pieces.feedback is None:
        return None
    told = _fields(pieces.feedback)
    kind = told.get("feedback-type", [""])[0].lower()
    if _kind(kind) == PRAISE:
        return NotAReport("somebody says that it is no spam")
    single = {name: values[0] for name, values in told.items()}
    original = original_of(pieces, pieces.returned, single)
    source_ip = _ip(single.get("source-ip", ""))
    if kind in _AUTHENTICATION or "auth-failure" in told:
        return AuthFailure(
            _kind(single.get("auth-failure", kind)), original, source_ip, single.get("reported-domain", "")
        )
    recipients = told.get("original-rcpt-to", []) + told.get("removal-recipient", [])
    return Complaint(
        kind=_kind(kind),
        original=original,
        recipients=tuple(filter(None, map(address_in, recipients[:MOST_RECIPIENTS]))),
        arrived_at=_time(single.get("arrival-date") or single.get("received-date", "")),
        source_ip=source_ip,
        reporter=address_in(first(pieces.header, b"from")),
    )


def authentication(pieces: Pieces) -> AuthFailure | None:
    """A DMARC failure report without fields for programs, as Exim's `dmarc_forensic_sender` writes it.

    A bounce may say the same of our mail, and a spammer may write it, so that the subject must be that of Exim, too.
    """
    by_exim = pieces.subject.startswith("DMARC Forensic Report")
    if not by_exim or "failed the published DMARC policy" not in pieces.said:
        return None
    return AuthFailure("dmarc", original_of(pieces, pieces.returned, {}))


def forwarded(pieces: Pieces) -> Complaint | None:
    """A message that somebody passes on, attached or quoted. Only one that can lead anywhere counts.

    That is one with a Message-ID or a trace field; a quotation as in any answer has neither.
    """
    returned = passed_on(pieces).header
    if not returned.named.keys() & {b"message-id", b"received"}:
        return None
    asked = first(returned, b"x-hmxmroriginalrecipient")  # Hotmail's complaints are not in ARF
    return Complaint(
        kind=FORWARDED,
        original=original_of(pieces, returned, {}),
        recipients=(asked,) if asked else (),
        reporter=address_in(first(pieces.header, b"from")),
    )


def _fields(text: str) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number, match in enumerate(_FIELD.finditer(text.replace("\r", ""))):
        if number >= MOST_FIELDS:
            break
        found.setdefault(match[1].lower(), []).append(" ".join(match[2].split())[:2000])
    return found


def _kind(text: str) -> str:
    """Only what has the form of a keyword; it may become a label."""
    found = _KIND.match(text.lower())
    return found[0][:LONGEST_KIND] if found else "other"


def _ip(text: str) -> str:
    try:
        return str(ip_address(text.strip("[] ").removeprefix("IPv6:")))
    except ValueError:
        return ""


def _time(text: str) -> float:
    try:
        written = parsedate_to_datetime(text)
        return (written if written.tzinfo else written.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
