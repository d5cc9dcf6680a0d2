import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.report import Failure, Undelivered, failure_report, wants_report, wants_whole

ABOUT = Undelivered(
    "FROM:<ann@example.org> ENVID=QQ+2B1 RET=HDRS", "hop.example", 1_790_000_000.0, b"Subject: x\r\n\r\n"
)
BOB = Failure("TO:<bob@example.net> ORCPT=rfc822;robert+2Ba@example.net", "550 5.1.1 No such user")
LATER = Failure("TO:<cid@example.net>", "450 4.2.0 Busy", expired=True)


def parsed(about: Undelivered = ABOUT, *failures: Failure) -> EmailMessage:
    octets = failure_report(about, failures or (BOB, LATER), "r1", 1_790_000_100.0)
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def parts(message: EmailMessage) -> list[EmailMessage]:
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


def test_a_report_says_to_people_and_to_programs_who_was_refused_and_why() -> None:
    message = parsed()
    assert message["To"] == "ann@example.org"
    assert message["From"] == "MAILER-DAEMON@hop.example"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message.get_content_type() == "multipart/report"
    people, programs, returned = parts(message)
    assert "<bob@example.net>\n      550 5.1.1 No such user" in people.get_content().replace("\r\n", "\n")
    assert returned.get_content_type() == "text/rfc822-headers"
    about, bob, cid = list(programs.iter_parts())
    assert (about["Reporting-MTA"], about["Original-Envelope-Id"]) == ("dns; hop.example", "QQ+1")
    assert bob["Original-Recipient"] == "rfc822; robert+a@example.net"
    assert [bob[name] for name in ("Final-Recipient", "Action", "Status", "Diagnostic-Code")] == [
        "rfc822; bob@example.net",
        "failed",
        "5.1.1",
        "smtp; 550 5.1.1 No such user",
    ]
    assert (cid["Action"], cid["Status"]) == ("failed", "4.4.7")


@pytest.mark.parametrize(
    ("reply", "status"), [("550 5.7.1 Spam", "5.7.1"), ("550 No such user", "5.0.0"), ("cannot connect", "5.0.0")]
)
def test_a_server_without_enhanced_codes_gets_a_general_one(reply: str, status: str) -> None:
    programs = parts(parsed(ABOUT, Failure("TO:<bob@example.net>", reply)))[1]
    assert list(programs.iter_parts())[1]["Status"] == status


def test_the_whole_message_comes_back_where_that_was_asked_for_and_it_is_ascii() -> None:
    whole = Undelivered(ABOUT.mail, ABOUT.hostname, 0.0, b"Subject: x\r\n\r\ntext\r\n", whole=True)
    assert parts(parsed(whole))[2].get_content_type() == "message/rfc822"
    german = Undelivered(ABOUT.mail, ABOUT.hostname, 0.0, b"Subject: \xfc\r\n\r\n", whole=True)
    assert parts(parsed(german))[2].get_content_type() == "text/rfc822-headers"


@pytest.mark.parametrize(
    ("mail", "recipient", "wanted"),
    [
        ("FROM:<ann@example.org>", "TO:<bob@example.net>", True),
        ("FROM:<ann@example.org>", "TO:<bob@example.net> NOTIFY=delay,failure", True),
        ("FROM:<ann@example.org>", "TO:<bob@example.net> NOTIFY=NEVER", False),
        ("FROM:<ann@example.org>", "TO:<bob@example.net> NOTIFY=SUCCESS", False),
        ("FROM:<>", "TO:<bob@example.net> NOTIFY=FAILURE", False),
    ],
)
def test_who_wants_no_report_gets_none(mail: str, recipient: str, wanted: bool) -> None:
    assert wants_report(mail, recipient) is wanted


def test_the_sender_says_how_much_comes_back() -> None:
    assert wants_whole("FROM:<ann@example.org> RET=FULL")
    assert not wants_whole(ABOUT.mail)
    assert not wants_whole("FROM:<ann@example.org>")


@given(st.text(max_size=50), st.binary(max_size=200))
def test_whatever_a_server_says_and_a_sender_writes_it_is_ascii_and_has_no_more_recipients(
    reply: str, content: bytes
) -> None:
    about = Undelivered("FROM:<ünal@example.org>", "hop.example", 0.0, content)
    octets = failure_report(about, [Failure("TO:<bób@example.net>", reply)], "r1", 0.0)
    assert octets.isascii()
    head, _, rest = octets.partition(b"\r\n\r\n")
    assert b"\\x{FC}nal@example.org" in head
    fields = rest.split(b"message/delivery-status")[1].split(b"--=_r1")[0]
    assert fields.count(b"Final-Recipient:") == 1 or b"Final-Recipient:" in reply.encode()
