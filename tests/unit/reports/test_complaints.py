"""Complaints in the abuse reporting format, and by people who pass on what they got."""

import pytest

from detector.reports.complaints import authentication, feedback, forwarded
from detector.reports.parts import pieces_of
from detector.reports.values import AuthFailure, Complaint, NotAReport

ARF = """From: <fbl@big.example>
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: text/plain

A person complained.
--b
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: BigFBL/1.0
Version: 1
Original-Mail-From: <ann@customer.example>
Original-Rcpt-To: <bob@big.example>
Original-Rcpt-To: cid@big.example
Arrival-Date: Thu, 8 Mar 2005 14:00:00 EST
Source-IP: 192.0.2.1
Reported-Domain: customer.example

--b
Content-Type: message/rfc822

X-Our-Tag: secret
Message-ID: <1@customer.example>

spam
--b--
"""
MIXED = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nspam!\n--b\n"
ORIGINAL = "Received: from a by b id ABC123\nMessage-ID: <1@customer.example>\nSubject: hello\n"


def test_a_feedback_report_says_who_complained_about_what() -> None:
    found = feedback(pieces_of(ARF.format(kind="abuse").encode()))
    assert isinstance(found, Complaint)
    assert (found.kind, found.source_ip, found.reporter) == ("abuse", "192.0.2.1", "fbl@big.example")
    assert found.recipients == ("bob@big.example", "cid@big.example")
    assert found.arrived_at == 1110308400.0
    assert found.original.message_id == "<1@customer.example>"
    assert found.original.header.values(b"x-our-tag") == ["secret"]


@pytest.mark.parametrize("kind", ["not-spam", "Not-Spam "])
def test_who_says_that_it_is_no_spam_does_not_complain(kind: str) -> None:
    assert isinstance(feedback(pieces_of(ARF.format(kind=kind).encode())), NotAReport)


@pytest.mark.parametrize("kind", ["auth-failure", "dmarc"])
def test_an_authentication_failure_is_kept_apart(kind: str) -> None:
    found = feedback(pieces_of(ARF.format(kind=kind).encode()))
    assert isinstance(found, AuthFailure)
    assert (found.kind, found.domain) == (kind, "customer.example")


DMARC = "A message has failed the published DMARC policy for your domain.\n"


def test_a_report_on_authentication_for_people_is_kept_apart_too() -> None:
    head, said = (
        b"From: x@a.example\nSubject: DMARC Forensic Report for a.example from IP 192.0.2.1\n\n",
        DMARC.encode(),
    )
    assert isinstance(authentication(pieces_of(head + said)), AuthFailure)
    assert authentication(pieces_of(head + b"hello\n")) is None
    assert authentication(pieces_of(b"From: x@a.example\nSubject: hello\n\n" + said)) is None


@pytest.mark.parametrize(("kind", "shown"), [("A" * 500, "a" * 40), ("<b>", "other"), ("", "other")])
def test_a_kind_is_a_keyword_whatever_is_written(kind: str, shown: str) -> None:
    found = feedback(pieces_of(ARF.format(kind=kind).encode()))
    assert isinstance(found, Complaint)
    assert found.kind == shown


def test_odd_dates_and_addresses_say_nothing() -> None:
    body = ARF.format(kind="abuse").replace("192.0.2.1", "x").replace("Thu, 8 Mar 2005 14:00:00 EST", "99 Foo")
    found = feedback(pieces_of(body.encode()))
    assert isinstance(found, Complaint)
    assert (found.source_ip, found.arrived_at) == ("", 0.0)


@pytest.mark.parametrize(
    "body",
    [
        f"{MIXED}Content-Type: message/rfc822\n\n{ORIGINAL}\nx\n--b--\n",
        f"{MIXED}Content-Type: a/b; name=a.eml\nContent-Disposition: attachment\n\n{ORIGINAL}\nx\n--b--\n",
        f"\nI do not want this.\n\n---------- Forwarded message ---------\n{ORIGINAL}\nbuy now\n",
        "\nspam, see header:\n\n" + "".join(f"> {line}\n" for line in ORIGINAL.splitlines()),
    ],
    ids=["attached", "attached as a file", "quoted below a line", "quoted with marks"],
)
def test_mail_that_people_pass_on_is_a_complaint(body: str) -> None:
    found = forwarded(pieces_of(f"From: bob@example.net\nSubject: Fwd: hello\n{body}".encode()))
    assert found is not None
    assert (found.kind, found.reporter) == ("forwarded", "bob@example.net")
    assert (found.original.message_id, found.original.queue_ids) == ("<1@customer.example>", ("ABC123",))


def test_an_answer_that_quotes_is_no_complaint() -> None:
    text = "From: bob@example.net\n\nYes.\n\n-----Original Message-----\nFrom: ann@a.example\nSubject: x\n\nWill you?\n"
    assert forwarded(pieces_of(text.encode())) is None
