"""Lines of a Postfix log say what became of a recipient; forged ones do not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.feedback.notices import LONGEST_REPLY, Arrived, Attempt, Outcome
from detector.feedback.postfix_log import read

HEAD = "Mar  5 10:00:00 mx1 postfix/smtp[4711]: "
PATH = "relay=mx.example[192.0.2.9]:25, delay=1, delays=0.1/0/0.4/0.5, "
TO = f"4AB1: to=<bob@y.example>, {PATH}"


def noticed(text: str, head: str = HEAD) -> Attempt | Arrived | None:
    return read((head + text).encode())


def test_a_delivered_message() -> None:
    assert noticed(TO + "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9ZZ)") == Attempt(
        "4AB1",
        ("bob@y.example",),
        Outcome.SENT,
        "2.0.0",
        "250 2.0.0 Ok: queued as 9ZZ",
        (HEAD + TO).encode() + b"dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9ZZ)",
        "mx.example[192.0.2.9]:25",
        "9ZZ",
    )


def test_a_bounced_message_says_why() -> None:
    said = "host mx.example[192.0.2.9] said: 550 5.1.1 No such user (in reply to RCPT TO command)"
    found = noticed(TO + f"dsn=5.1.1, status=bounced ({said})")
    assert isinstance(found, Attempt)
    assert (found.outcome, found.enhanced, found.reply, found.next_queue_id) == (Outcome.BOUNCED, "5.1.1", said, "")


def test_a_line_that_rsyslog_passed_on_by_rfc_5424_is_understood() -> None:
    head = "2026-03-05T10:00:00.123456+01:00 mx1 postfix[4711]: "
    found = noticed(TO + "dsn=5.1.1, status=bounced (no such user)", head)
    assert isinstance(found, Attempt)
    assert noticed("4AB1: message-id=<1@pc.example>", head) == Arrived("4AB1", "1@pc.example")
    assert noticed("4AB1: from=<ann@x.example>, size=1, nrcpt=1", head) is None
    assert noticed(TO + "dsn=5.1.1, status=bounced (no)", head.replace("postfix", "sshd")) is None


def test_a_deferred_message_without_a_server() -> None:
    text = "4AB1: to=<bob@y.example>, relay=none, delay=9, delays=9/0/0/0, dsn=4.4.1, status=deferred (connect to ...)"
    found = noticed(text, "2026-03-05T10:00:00.123456+01:00 mx1 postfix/out/smtp[1]: ")
    assert isinstance(found, Attempt)
    assert (found.outcome, found.relay) == (Outcome.DEFERRED, "none")
    assert found.line.startswith(b"2026-03-05T10:00:00.123456+01:00")


def test_the_address_before_an_alias_comes_first() -> None:
    found = noticed(f"4AB1: to=<new@z.example>, orig_to=<bob@y.example>, {PATH}dsn=2.0.0, status=sent (ok)")
    assert isinstance(found, Attempt)
    assert found.recipients == ("bob@y.example", "new@z.example")


@pytest.mark.parametrize(
    ("written", "message_id"), [("<1@pc.example>", "1@pc.example"), ("<>", ""), ("odd one", "odd one"), ("", "")]
)
def test_a_message_arrives_with_its_message_id(written: str, message_id: str) -> None:
    head = HEAD.replace("smtp", "cleanup")
    assert noticed(f"4AB1: message-id={written}", head) == Arrived("4AB1", message_id)


@pytest.mark.parametrize(
    "line",
    [
        "",
        HEAD,
        HEAD + "connect to mx[192.0.2.1]:25: Connection refused",
        HEAD + "4AB1: removed",
        HEAD + "4AB1: host mx[192.0.2.1] said: 450 later",
        HEAD + "4AB1: to=<bob@y.example>, status=sent",
        HEAD + TO + "dsn=2.1.5, status=deliverable (250 ok)",
        HEAD.replace("smtp", "qmgr") + "4AB1: from=<a@x.example>, status=expired, returned to sender",
        HEAD.replace("smtp", "qmgr") + TO + "dsn=5.1.1, status=bounced (no)",
        HEAD.replace("postfix/smtp", "webmail") + TO + "dsn=5.1.1, status=bounced (no)",
        HEAD.replace("postfix/smtp", "smtp") + TO + "dsn=5.1.1, status=bounced (no)",
        HEAD.replace("smtp", "cleanup") + TO + "dsn=5.1.1, status=bounced (no)",
        HEAD + "4AB1: message-id=<1@pc.example>",
        # Anybody may try to log in by such a name.
        f"Mar  5 10:00:00 mx1 dovecot: imap-login: user=<a/smtp[1]: {TO}dsn=5.1.1, status=bounced (no)",
    ],
)
def test_what_says_nothing_of_a_recipient_or_comes_from_others_is_passed_over(line: str) -> None:
    assert read(line.encode()) is None


def test_a_message_id_that_looks_like_a_delivery_stays_a_message_id() -> None:
    forged = "<x> mx1 postfix/smtp[1]: 4AB2: to=<bob@y.example>, relay=x, dsn=5.1.1, status=bounced (no)"
    found = noticed(f"4AB1: message-id={forged}", HEAD.replace("smtp", "cleanup"))
    assert isinstance(found, Arrived)
    assert found.queue_id == "4AB1"


def test_a_reply_is_bounded() -> None:
    found = noticed(TO + f"dsn=5.0.0, status=bounced ({'x' * 60_000})")
    assert isinstance(found, Attempt)
    assert len(found.reply) == LONGEST_REPLY


@given(st.binary(max_size=200))
def test_no_octets_whatever_are_a_fault(octets: bytes) -> None:
    assert read(octets) is None or b"]: " in octets
    read(HEAD.encode() + b"4AB1: to=<" + octets)


@pytest.mark.corpora
def test_real_lines_of_delivery_agents_are_understood(corpora: Path) -> None:
    """Recorded by others: each line that names a recipient and is no probe is read with code and status."""
    folder = corpora / "feedback" / "logs" / "whyscream" / "test"
    lines = [
        line.removeprefix("data: ").strip('"')
        for file in sorted(folder.glob("*.yaml"))
        for line in file.read_text("utf-8").splitlines()
        if line.startswith("data: ") and "status=" in line and " to=" in line and "undeliverable" not in line
    ]
    found = [noticed(line) for line in lines]
    assert len(found) >= 10
    assert all(isinstance(one, Attempt) and one.enhanced in line for one, line in zip(found, lines, strict=True))
