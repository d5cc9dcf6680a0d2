"""Bounces for people only: who failed, and why, in the manners of many servers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.status_codes import Cause
from detector.reports import wording
from detector.reports.delivery_status import MOST_RECIPIENTS
from detector.reports.free_form import bounce, from_daemon
from detector.reports.parts import pieces_of
from detector.reports.values import Bounce

DAEMON = "From: MAILER-DAEMON@mx.example\nTo: ann@customer.example\nSubject: failure notice\n"
RETURNED = "Return-Path: <ann@customer.example>\nMessage-ID: <1@customer.example>\nTo: bob@example.net\n\nhello\n"

QMAIL = """Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<bob@example.net>:
192.0.2.9 does not like recipient.
Remote host said: 550 5.1.1 <bob@example.net>... User unknown

<cid@example.net>:
Remote host said: 552 5.2.2 over quota

--- Below this line is a copy of the message.

"""
EXIM = """This message was created automatically by mail delivery software.

A message sent by

  <ann@elsewhere.example>

could not be delivered to one or more of its recipients. The following address(es) failed:

  bob@example.net
    (ultimately generated from list@example.net)
    host mx.example.net [192.0.2.9]: 550 blocked using bl.spamcop.net

------ This is a copy of the message, including all the headers. ------

"""
POSTFIX = """I'm sorry to have to inform you that the message returned below could not be delivered.
For further assistance, please contact <postmaster@mx.example>

<bob@example.net>: host mx.example.net[192.0.2.9] said: 554 5.7.1
    Message rejected as spam
"""
EXCHANGE = """Your message

  To:      list@example.net
  Subject: hello

did not reach the following recipient(s):

bob@example.net on Thu, 29 Apr 2010 00:00:00 -0000
    The recipient name is not recognized
"""
SENDMAIL = """   ----- Transcript of session follows -----
>>> MAIL From:<ann@customer.example>
>>> RCPT To:<bob@example.net>
<<< 550 <bob@example.net>... User unknown

   ----- Unsent message follows -----
"""


def read(text: str, header: str = DAEMON) -> Bounce:
    found = bounce(pieces_of(f"{header}\n{text}".encode()))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (QMAIL, [("bob@example.net", Cause.NO_SUCH_USER), ("cid@example.net", Cause.MAILBOX_FULL)]),
        (EXIM, [("bob@example.net", Cause.REPUTATION)]),
        (POSTFIX, [("bob@example.net", Cause.POLICY)]),
        (EXCHANGE, [("bob@example.net", Cause.NO_SUCH_USER)]),
        (SENDMAIL, [("bob@example.net", Cause.NO_SUCH_USER)]),
        ("undeliverable to bob@example.net\n", [("bob@example.net", Cause.OTHER)]),
        ("Invalid final delivery userid: bob@example.net\n", [("bob@example.net", Cause.NO_SUCH_USER)]),
        ("Your mail to the following recipients could not be delivered:\n\tbob\n", [("bob@mx.example", Cause.OTHER)]),
    ],
)
def test_failed_recipients_are_found_with_their_causes(text: str, wanted: list[tuple[str, Cause]]) -> None:
    assert [(one.address, one.cause) for one in read(text).recipients] == wanted


def test_an_alias_is_told_as_the_original_address() -> None:
    sendmail = "   ----- The following addresses had permanent fatal errors -----\nbob@inner.example.net\n"
    sendmail += "    (expanded from: <bob@example.net>)\n\n554 5.0.0 Too many hops\n"
    for text, original in ((sendmail, "bob@example.net"), (EXIM, "list@example.net")):
        found = bounce(pieces_of(f"{DAEMON}\n{text}".encode()))
        assert found is not None
        assert [one.original for one in found.recipients] == [original]


def test_the_returned_message_is_not_searched_but_ties_the_report() -> None:
    report = read(QMAIL + RETURNED.replace("hello", "<eve@example.org>: user unknown"))
    assert [one.address for one in report.recipients] == ["bob@example.net", "cid@example.net"]
    assert report.original.message_id == "<1@customer.example>"


def test_the_header_tells_whom_where_the_text_does_not() -> None:
    header = DAEMON + "X-Failed-Recipients: bob@example.net, cid@example.net\n"
    assert [one.address for one in read("Grup mevcut olmayabilir.\n", header).recipients] == [
        "bob@example.net",
        "cid@example.net",
    ]


def test_the_returned_message_tells_whom_where_nothing_else_does() -> None:
    assert read("could not be delivered\n\n" + RETURNED).recipients[0].address == "bob@example.net"


def test_the_to_of_a_mailing_list_is_nobody_who_failed() -> None:
    returned = RETURNED.replace("To:", "List-Id: <list.example.net>\nTo:")
    report = read("could not be delivered\n\n" + returned)
    assert (report.recipients, report.original.message_id) == ((), "<1@customer.example>")


def test_a_warning_is_not_final() -> None:
    text = "Your message to:\n\tbob@example.net\n\nhas not yet been delivered. This is just a warning.\n"
    (one,) = read(text).recipients
    assert (one.address, one.cause, one.final) == ("bob@example.net", Cause.TEMPORARY, False)


def test_mail_to_oneself_fails_too() -> None:
    assert read("<ann@customer.example>:\nuser unknown\n").recipients[0].address == "ann@customer.example"


def test_helpers_and_senders_have_not_failed() -> None:
    text = (
        "Delivery failed from ann@elsewhere.example.\nPlease contact help@example.org.\nbob@example.net is unknown.\n"
    )
    assert [one.address for one in read(text).recipients] == ["bob@example.net"]


def test_too_many_recipients_are_counted() -> None:
    text = "The following addresses failed:\n" + "".join(f"u{number}@a.example:\n" for number in range(250))
    report = read(text)
    assert (len(report.recipients), report.left_out) == (MOST_RECIPIENTS, 50)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (
            "From: bob@example.net\nSubject: Re: hello\n",
            "Your mail could not be delivered? I got it. bob@example.net\n",
        ),
        ("From: bob@example.net\nSubject: Automatic reply: Delivery failure\n", "It was rejected: bob@example.net\n"),
        ("From: shop@example.net\nSubject: Your order\n", "We deliver on Monday. Questions: help@example.net\n"),
        (DAEMON.replace("failure notice", "hello"), "Good morning bob@example.net\n"),
    ],
)
def test_what_only_looks_a_little_like_it_is_no_bounce(header: str, text: str) -> None:
    assert bounce(pieces_of(f"{header}\n{text}".encode())) is None


@pytest.mark.parametrize(
    ("author", "daemon"),
    [
        ("MAILER-DAEMON@mx.example", True),
        ("Mail Delivery System <x@mx.example>", True),
        ("<>", True),
        ("Bob <bob@example.net>", False),
        ("", False),
    ],
)
def test_programs_that_deliver_mail_are_told_from_people(author: str, daemon: bool) -> None:
    assert from_daemon(pieces_of(f"From: {author}\n\n".encode())) == daemon


@pytest.mark.parametrize("subject", ["Fwd: buy", "FW: buy", "[Fwd: buy]", "WG: buy", "TR : buy"])
def test_a_postmaster_who_forwards_is_a_person(subject: str) -> None:
    assert not from_daemon(pieces_of(f"From: postmaster@mx.example\nSubject: {subject}\n\n".encode()))


def test_all_words_are_lower_case_for_they_are_looked_for_in_such_text() -> None:
    groups = [value for value in vars(wording).values() if isinstance(value, tuple)]
    assert groups
    assert all(word and word == word.lower() for group in groups for word in group)


@given(st.text(alphabet=st.sampled_from("<>@.:ab \n-RCPTTO55.1failedto")))
def test_any_text_is_read(text: str) -> None:
    found = bounce(pieces_of(f"{DAEMON}\n{text}".encode()))
    assert found is None or all("@" in one.address for one in found.recipients)
