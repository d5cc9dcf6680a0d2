"""Fields for programs, as standards ask for them and as servers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.report import Failure, Undelivered, failure_report
from detector.mail.status_codes import Cause
from detector.reports.delivery_status import MOST_RECIPIENTS, address_in, notification, status_of
from detector.reports.parts import pieces_of
from detector.reports.values import Bounce

FIELDS = """Reporting-MTA: dns; mx.example
Original-Envelope-Id: QQ1

Final-Recipient: rfc822; bob@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; 550 5.1.1 No such
 user

Final-Recipient: rfc822; cid@example.net
Action: delayed
Status: 4.4.1
"""


def read(fields: str, said: str = "") -> Bounce:
    found = notification(pieces_of(f"\n{said}".encode()), fields)
    assert found is not None
    return found


def test_recipients_have_address_cause_status_and_the_words_of_the_last_server() -> None:
    report = read(FIELDS)
    bob, cid = report.recipients
    assert (bob.address, bob.cause, bob.status) == ("bob@example.net", Cause.NO_SUCH_USER, "5.1.1")
    assert (bob.diagnostic, bob.remote_mta, bob.final) == ("550 5.1.1 No such user", "mx.example.net", True)
    assert (cid.address, cid.cause, cid.final) == ("cid@example.net", Cause.TEMPORARY, False)
    assert (report.reporting_mta, report.original.envelope_id) == ("mx.example", "QQ1")


def test_our_own_reports_are_understood() -> None:
    about = Undelivered("FROM:<ann@example.org> ENVID=QQ1", "hop.example", 1.7e9, b"Message-ID: <1@a.example>\r\n\r\n")
    failures = (Failure("TO:<bob@example.net>", "550 5.2.2 Mailbox full"), Failure("TO:<cid@example.net>", "x", True))
    pieces = pieces_of(failure_report(about, failures, "r1", 1.7e9))
    report = notification(pieces, pieces.status or "")
    assert report is not None
    assert [(one.address, one.cause) for one in report.recipients] == [
        ("bob@example.net", Cause.MAILBOX_FULL),
        ("cid@example.net", Cause.TEMPORARY),
    ]
    assert report.original.message_id == "<1@a.example>"


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded (to a list)"])
def test_who_got_it_has_not_failed(action: str) -> None:
    assert read(FIELDS.replace("Action: failed", f"Action: {action}")).recipients[0].address == "cid@example.net"


def test_blank_lines_that_are_missing_or_too_many_do_no_harm() -> None:
    dense = FIELDS.replace("\n\n", "\n")
    sparse = FIELDS.replace("Action: failed\n", "Action: failed\n\n")
    wanted = [("bob@example.net", "5.1.1"), ("cid@example.net", "4.4.1")]
    for fields in (dense, sparse):
        assert [(one.address, one.status) for one in read(fields).recipients] == wanted


def test_a_final_recipient_that_is_no_address_gives_way_to_the_original_one() -> None:
    fields = "Original-Recipient: rfc822;bob@example.net\nFinal-Recipient: x-unix; |/usr/bin/vacation\nAction: failed\n"
    assert read(fields).recipients[0].address == "bob@example.net"


def test_an_address_that_failed_for_another_keeps_the_other() -> None:
    fields = "Original-Recipient: rfc822;bob@example.net\nFinal-Recipient: rfc822; bob@away.example\nAction: failed\n"
    one = read(fields).recipients[0]
    assert (one.address, one.original) == ("bob@away.example", "bob@example.net")


def test_words_for_people_help_where_the_fields_say_nothing() -> None:
    fields = "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.0.0\n"
    one = read(fields, said="<bob@example.net>: 550 5.2.2 over quota").recipients[0]
    assert (one.cause, one.status) == (Cause.MAILBOX_FULL, "5.2.2")


def test_the_same_recipient_counts_once_and_too_many_are_counted_only() -> None:
    assert len(read(FIELDS + "\n" + FIELDS).recipients) == 2
    many = "".join(f"Final-Recipient: rfc822; u{number}@example.net\n\n" for number in range(MOST_RECIPIENTS + 7))
    report = read(many)
    assert (len(report.recipients), report.left_out) == (MOST_RECIPIENTS, 7)


def test_fields_without_a_recipient_are_no_notification() -> None:
    assert notification(pieces_of(b"\n"), "Reporting-MTA: dns; mx.example\n") is None


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("rfc822;bob@example.net", "bob@example.net"),
        ("RFC822; <bob@example.net> (Bob)", "bob@example.net"),
        ("bob@example.net", "bob@example.net"),
        (r"utf-8; \x{E4}nn\x{2B}x@example.net", "änn+x@example.net"),
        (r"utf-8; \x{FFFFFF}@example.net", "\ufffd@example.net"),
        ('rfc822; "odd..."@example.net', '"odd..."@example.net'),
        ("rfc822; bob", "bob"),
        ("x400; /S=bob/", ""),
        ("", ""),
    ],
)
def test_addresses_are_read_with_and_without_their_type(value: str, address: str) -> None:
    assert address_in(value) == address


@given(st.text(alphabet=st.sampled_from("Final-Recipient: rfc822;@.\n \tabStatus5")))
def test_any_text_has_a_status(text: str) -> None:
    status = status_of(text)
    assert len(status.recipients) <= MOST_RECIPIENTS
    assert status.left_out >= 0
