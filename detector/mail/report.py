"""Delivery status notifications (RFC 3464): what is told to the sender of a message that cannot be delivered."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from detector.mail import xtext
from detector.mail.path import Path, parse_mail, parse_rcpt
from detector.mail.reply import ENHANCED

MOST_RETURNED = 65_536
"""Octets of a message that are returned whole when RET=FULL asks for it (RFC 3461 section 4.3); else its headers."""
EXPIRED = "4.4.7"

_ODD = re.compile(r"[^\x20-\x7e]")
_CODE = re.compile(r"(\d{3}) ")


@dataclass(frozen=True, slots=True)
class Failure:
    """A recipient, by the argument of RCPT, and the next hop's last words (`expired`: we have given up)."""

    argument: str
    reply: str
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that failed: the argument of MAIL, our name, when it came (Unix seconds), and its beginning.

    `content` is as the sender wrote it, without doubled dots: all of it if `whole`, else its header section.
    """

    mail: str
    hostname: str
    arrived_at: float
    content: bytes
    whole: bool = False


def wants_report(mail: str, argument: str) -> bool:
    """Whether the sender is told of this recipient's failure: never where there is no sender (RFC 3461 section 4.1)."""
    notify = parse_rcpt(argument).value("NOTIFY")
    asked = {"FAILURE"} if notify is None else set(notify.upper().split(","))
    return not parse_mail(mail).address.is_null and "FAILURE" in asked


def wants_whole(mail: str) -> bool:
    return (parse_mail(mail).value("RET") or "").upper() == "FULL"


def failure_report(about: Undelivered, failures: Sequence[Failure], report_id: str, now: float) -> bytes:
    """A multipart/report in ASCII, lines end with CRLF. `report_id` is unique; `now` is in Unix seconds."""
    mail = parse_mail(about.mail)
    boundary = f"=_{report_id}"
    returned = "message/rfc822" if about.whole and about.content.isascii() else "text/rfc822-headers"
    parts = (
        ("text/plain; charset=us-ascii", _for_people(about, failures)),
        ("message/delivery-status", _for_programs(about, mail, failures)),
        (returned, about.content.decode("ascii", "replace").replace("\ufffd", "?")),
    )
    head = (
        f"From: MAILER-DAEMON@{about.hostname}",
        f"To: <{_plain(str(mail.address))}>",
        f"Date: {_date(now)}",
        f"Message-ID: <{report_id}@{about.hostname}>",
        "Subject: Mail could not be delivered",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{boundary}"',
        "",
    )
    body = "".join(f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n{text}" for kind, text in parts)
    return ("\r\n".join(head) + body + f"\r\n--{boundary}--\r\n").encode("ascii", "replace")


def _for_people(about: Undelivered, failures: Sequence[Failure]) -> str:
    lines = [
        f"This is the mail server {about.hostname}.",
        "",
        "Your message could not be delivered to:",
        "",
    ]
    for failure in failures:
        lines += [f"  <{_recipient(failure)}>", f"      {_plain(failure.reply)}"]
    return "\r\n".join([*lines, ""])


def _for_programs(about: Undelivered, mail: Path, failures: Sequence[Failure]) -> str:
    """RFC 3464 section 2: fields of the message, then of each recipient."""
    envelope_id = mail.value("ENVID")
    lines = [
        *([f"Original-Envelope-Id: {_decoded(envelope_id)}"] if envelope_id else []),
        f"Reporting-MTA: dns; {about.hostname}",
        f"Arrival-Date: {_date(about.arrived_at)}",
        "",
    ]
    for failure in failures:
        original = parse_rcpt(failure.argument).value("ORCPT")
        kind, _, address = (original or "").partition(";")
        code = _CODE.match(failure.reply)
        lines += [
            *([f"Original-Recipient: {_plain(kind)}; {_decoded(address)}"] if original else []),
            f"Final-Recipient: rfc822; {_recipient(failure)}",
            "Action: failed",
            f"Status: {_status(failure)}",
            *([f"Diagnostic-Code: smtp; {_plain(failure.reply)}"] if code else []),
            "",
        ]
    return "\r\n".join(lines)


def _status(failure: Failure) -> str:
    """An enhanced code (RFC 3463); what was tried for too long has failed for good (RFC 3464 section 2.3.4)."""
    if failure.expired:
        return EXPIRED
    words = _CODE.sub("", failure.reply, count=1)
    found = ENHANCED.match(words)
    return found[1] if found and found[1].startswith("5") else "5.0.0"


def _recipient(failure: Failure) -> str:
    return _plain(str(parse_rcpt(failure.argument).address))


def _decoded(text: str) -> str:
    try:
        return _plain(xtext.decode(text))
    except ValueError:
        return _plain(text)


def _plain(text: str) -> str:
    r"""One line of ASCII; other characters as RFC 6533 section 3 writes them.

    >>> _plain("ünal@example.org")
    '\\x{FC}nal@example.org'
    """
    return _ODD.sub(lambda match: f"\\x{{{ord(match[0]):X}}}", text)[:900]


def _date(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(at), UTC))
