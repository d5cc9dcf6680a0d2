"""Words and codes of real servers lead to one of six causes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail import refusal_words
from detector.mail.causes import cause_of, reply_code_in, status_in
from detector.mail.status_codes import Cause

USER, FULL, POLICY, REPUTATION, LATER, OTHER = Cause


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown in local recipient table", USER),
        ("550 No such user here", USER),
        ("550 5.7.1 Unable to relay: unknown user", USER),
        ("550 5.4.1 [bob@example.net]: Recipient address rejected: Access denied [x.outlook.com]", USER),
        ("Sorry, I couldn't find any host named example.invalid. (#5.1.2)", USER),
        ("554 5.7.1 <bob@example.net>: Recipient address rejected: Access denied", USER),
        ("550 <bob@example.net>: Recipient address rejected.", USER),
        ("550 #5.1.0 Address rejected.", USER),
        ("552 5.2.2 Mailbox full", FULL),
        ("452 4.2.2 The email account that you tried to reach is over quota", FULL),
        ("550 5.7.1 Message rejected as spam by Content Filtering.", POLICY),
        ("550 5.7.26 This mail is unauthenticated", POLICY),
        ("554 5.7.9 Message not accepted for policy reasons", POLICY),
        ("554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org", REPUTATION),
        ("550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. (S3150)", REPUTATION),
        ("421 4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred due to user complaints", REPUTATION),
        ("450 4.7.25 Client host rejected: cannot find your reverse hostname", REPUTATION),
        ("450 4.7.1 <bob@example.net>: Recipient address rejected: Greylisted, see http://x.example", LATER),
        ("450 4.7.1 <bob@example.net>: Recipient address rejected: Policy restrictions, try again later", LATER),
        ("451 4.7.1 This message looks like spam, please try again later", POLICY),
        ("450 4.7.0 Too many messages from this sender, try again later", POLICY),
        ("421 4.7.0 mx.example.net Error: too many connections from 192.0.2.7", LATER),
        ("451 4.3.2 The spam filter is down, please try again later", LATER),
        ("451 4.3.0 Internal error, please try again later", LATER),
        ("550 5.7.0 <ann@example.org>... Please use the smtp server of your ISP.", REPUTATION),
        ("450 service permits 2 unverifyable sending IPs - example.org is not 192.0.2.7", REPUTATION),
        (
            "550 5.5.0 Service refuse. Veuillez essayer plus tard. service refused, please try later. LPN001_108",
            REPUTATION,
        ),
        ("553 Blocked using spam pattern, your message may contain the spam contents", POLICY),
        ("Name service error for name=example.org type=MX: Malformed or unexpected name server reply", LATER),
        ("connect to example.net[192.0.2.1]:25: Connection timed out", LATER),
        ("552 5.3.4 Message size exceeds fixed limit", OTHER),
        ("500 Line limit exceeded", OTHER),
        ("", OTHER),
    ],
)
def test_a_reply_has_the_cause_that_a_postmaster_would_name(text: str, cause: Cause) -> None:
    assert cause_of(text) is cause


def test_who_is_unknown_at_mail_is_the_sender() -> None:
    assert cause_of("550 No such domain example.org (in reply to MAIL FROM command)") is POLICY


def test_the_name_of_the_recipient_is_no_reason() -> None:
    assert cause_of("550 <spam.greylist@example.net> 5.0.0 mailbox full") is FULL
    assert cause_of("550 5.0.0 <spam@example.net>") is OTHER


def test_what_the_server_said_counts_more_than_what_the_reporter_makes_of_it() -> None:
    assert cause_of("550 5.7.1 IP address blacklisted by recipient", "5.1.1") is REPUTATION


def test_a_code_from_elsewhere_counts_where_the_words_say_nothing() -> None:
    assert cause_of("refused", "5.1.1") is USER


def test_codes_are_found_in_sentences() -> None:
    text = "host mx.example [192.0.2.5] said: 550-5.1.1 no\n550 5.1.1 user"
    assert (reply_code_in(text), status_in(text)) == (550, "5.1.1")
    assert (reply_code_in("port 45500, 1450 octets"), status_in("192.0.2.5")) == (0, "")


def test_each_group_of_words_is_lower_case_and_has_no_empty_word() -> None:
    groups = [value for value in vars(refusal_words).values() if isinstance(value, tuple)]
    assert len(groups) == 8
    assert all(word.strip() and word == word.lower() for group in groups for word in group)


@given(st.text(), st.text(max_size=20))
def test_every_text_has_a_cause(text: str, status: str) -> None:
    assert cause_of(text, status) in Cause
