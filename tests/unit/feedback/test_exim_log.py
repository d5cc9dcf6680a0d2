"""Lines of Exim's main log; those in exim_mainlog.txt were written by Exim 4.96."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.feedback.exim_log import OUTCOMES, read
from detector.feedback.notices import Arrived, Attempt, Outcome, text_of

LINES = Path(__file__).with_name("exim_mainlog.txt").read_bytes().splitlines()
ID = "1xV2CX-0002CW-2L"
HEAD = f"2026-11-22 07:41:29 {ID} "
MX = "R=out T=smtp H=mx [192.0.2.1]"


def noticed(text: str, head: str = HEAD) -> Attempt | Arrived | None:
    return read((head + text).encode())


def attempt(text: str, head: str = HEAD) -> Attempt:
    found = noticed(text, head)
    assert isinstance(found, Attempt)
    return found


def test_what_exim_itself_wrote_is_understood() -> None:
    found = [notice for line in LINES if (notice := read(line)) is not None]
    assert [(one.recipients, one.outcome, one.enhanced) for one in found if isinstance(one, Attempt)] == [
        (("bob@accepts.example",), Outcome.SENT, "2.0.0"),
        (("cid@accepts.example",), Outcome.SENT, "2.0.0"),
        (("nobody@refuses.example",), Outcome.BOUNCED, "5.1.1"),
        (("slow@defers.example",), Outcome.DEFERRED, "4.7.1"),
        (("ann@x.example",), Outcome.BOUNCED, "5.0.0"),
        (("x@nowhere.example",), Outcome.BOUNCED, "5.0.0"),
        (("eve@alias.example", "target@accepts.example"), Outcome.SENT, "2.0.0"),
        (("bob@accepts.example",), Outcome.SENT, "2.0.0"),
        (("spam@accepts.example",), Outcome.BOUNCED, "5.7.1"),
        (("ann@x.example",), Outcome.BOUNCED, "5.0.0"),
        (("slow@defers.example",), Outcome.SENT, "2.0.0"),
    ]
    arrived = [one for one in found if isinstance(one, Arrived)]
    assert len(arrived) == 5
    assert arrived[0] == Arrived("1xV2CX-0002CW-2L", "m1.2@pc.example")


def test_a_refusal_keeps_the_words_of_the_server() -> None:
    found = attempt(f"** x@y.example {MX}: SMTP error from remote mail server after end of data: 554 5.7.1 Spam")
    assert found.reply == "SMTP error from remote mail server after end of data: 554 5.7.1 Spam"
    assert (found.relay, found.line.startswith(HEAD.encode())) == ("mx [192.0.2.1]", True)


def test_a_content_filter_tells_the_next_queue_id() -> None:
    found = attempt(f'=> x@y.example {MX}:10024 C="250 OK id=1xV2CX-0002CW-3M"')
    assert (found.next_queue_id, found.relay) == ("1xV2CX-0002CW-3M", "mx [192.0.2.1]:10024")
    assert attempt(f'=> x@y.example {MX} C="250 2.0.0 Ok: queued as 4AB1"').next_queue_id == "4AB1"


@pytest.mark.parametrize(
    "head",
    [
        f"2026-11-22 07:41:29.123 {ID} ",
        f"2026-11-22 07:41:29 +0100 {ID} ",
        f"2026-11-22 07:41:29.123 +0100 [4711] {ID} ",
        f"Nov 22 07:41:29 mx1 exim[4711]: 2026-11-22 07:41:29 {ID} ",
        f"Nov 22 07:41:29 mx1 exim4[4711]: {ID} ",
        f"2026-11-22T07:41:29+01:00 mx1 exim[4711]: [4711] {ID} ",
        "2026-11-22 07:41:29 1xV2CX-00000002CW1-2L3M ",
    ],
)
def test_stamps_of_all_settings_and_ids_of_all_versions_are_read(head: str) -> None:
    found = attempt(f"** x@y.example {MX}: 550 5.1.1 no", head)
    assert (found.recipients, found.enhanced) == (("x@y.example",), "5.1.1")
    assert found.queue_id == head.rsplit(maxsplit=1)[-1]


def test_a_quoted_name_may_hold_spaces() -> None:
    assert attempt(f'** "a b"@y.example {MX}: 550 no').recipients == ('"a b"@y.example',)


@pytest.mark.parametrize(
    "line",
    [
        "",
        HEAD,
        HEAD + "Completed",
        HEAD + "** ",
        HEAD + "== x@y.example routing defer (-52): retry time not reached",
        HEAD + "*> x@y.example R=out T=smtp",
        "2026-11-22 07:41:29 rejected RCPT <x@y.example>: 1xV2CX-0002CW-2L ** x@y.example: 550 no",
        f"Nov 22 07:41:29 mx1 webmail[4711]: 2026-11-22 07:41:29 {ID} ** x@y.example: 550 no",
        f"Nov 22 07:41:29 mx1 dovecot: imap-login: user=<x exim: {ID} ** x@y.example: 550 no",
        f"2026-11-22 07:41:29 1xV2CX ** x@y.example {MX}: 550 no",
        HEAD + "<= ann@x.example H=(hop) [127.0.0.1] P=esmtp S=221",
    ],
)
def test_what_says_nothing_of_a_recipient_or_comes_from_others_is_passed_over(line: str) -> None:
    assert read(line.encode()) is None


def test_a_subject_in_the_log_cannot_forge_a_message_id() -> None:
    line = '<= ann@x.example H=(hop) [127.0.0.1] P=esmtp S=221 T="a S=1 id=forged@x" id=late@x'
    assert noticed(line) != Arrived(ID, "late@x")
    line = '<= ann@x.example H=(hop) [127.0.0.1] P=esmtp S=221 RT=0.1s id=true@x T="a S=1 id=forged@x"'
    assert noticed(line) == Arrived(ID, "true@x")


PIECES = st.sampled_from([
    b"x@y.example", b" <", b">", b":", b": ", b" ", b" S=1", b" S=1 id=1@x", b" id=1@x", b" H=mx [192.0.2.1]:25",
    b' C="', b'"', b"550 5.1.1 no", b"250 OK id=1xV2CX-0002CW-3M", b"queued as 4AB1", b"\xff", b"\n",
])  # fmt: skip


@given(st.sampled_from([b"<=", *OUTCOMES]), st.binary(max_size=200) | st.lists(PIECES, max_size=20).map(b"".join))
def test_whatever_a_line_says_nothing_is_told_that_it_does_not_say(flag: bytes, rest: bytes) -> None:
    found = read(HEAD.encode() + flag + b" " + rest)
    said = text_of(rest)
    if isinstance(found, Arrived):
        assert (flag, found.queue_id) == (b"<=", ID)
        assert found.message_id in said
    elif found is not None:
        assert (found.outcome, found.queue_id) == (OUTCOMES[flag], ID)
        assert found.line == HEAD.encode() + flag + b" " + rest
        assert all(one in said for one in (*found.recipients, found.reply, found.relay, found.next_queue_id))


@given(st.binary(max_size=200))
def test_octets_that_are_no_line_of_exim_say_nothing(octets: bytes) -> None:
    assert read(octets) is None
