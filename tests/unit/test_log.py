"""Each event is one line with a fixed name, and says nothing that must stay secret."""

import json
import logging
from datetime import UTC, datetime

import pytest

from detector import log
from detector.mail.address import Address
from detector.mail.reply import Reply
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.verdict.verdict import Action, Group, GroupScore, Verdict

TRANSACTION = Transaction(
    transaction_id="t1",
    message_key="k1",
    identity=Identity("ann", "policy-service", trusted=True),
    client="192.0.2.7",
    helo="pc.example",
    mail_from=Address("ann", "example.net"),
    recipients=(
        Recipient(Address("bob", "example.org"), RecipientStatus.ACCEPTED),
        Recipient(Address("cid", "example.org"), RecipientStatus.ACCEPTED),
        Recipient(Address("dora", "example.org"), RecipientStatus.REFUSED, "5.1.1"),
    ),
    stream=Stream.PERSONAL,
    received_at=0.0,
    size_bytes=2000,
)
VERDICT = Verdict(
    Action.BLOCK, 12.3456, (GroupScore(Group.BULK, 12.3456, ()), GroupScore(Group.TEXT, -0.0149, ())), "p1", "m1"
)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_event_is_one_line_of_json_with_time_and_level(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    log.started("1.0", ["127.0.0.1:10025"], "after-queue", observe=True)
    (line,) = lines(capsys)
    assert line.pop("timestamp")
    assert line == {
        "event": "started",
        "level": "info",
        "version": "1.0",
        "listen": ["127.0.0.1:10025"],
        "mode": "after-queue",
        "observe": True,
    }


def test_people_get_columns(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("console", "info")
    log.next_hop_failed("mx.example:25", "timeout")
    assert "next_hop_failed" in capsys.readouterr().err


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "error")
    log.stopped()
    log.connection_refused("192.0.2.1", "not_allowed")
    log.spool_failed("disk full")
    assert [line["event"] for line in lines(capsys)] == ["spool_failed"]


def test_a_verdict_counts_recipients_and_names_none(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    log.verdict(TRANSACTION, VERDICT, Reply.of(450, "4.7.1", "later"))
    (line,) = lines(capsys)
    assert line["recipients"] == {"accepted": 2, "refused": 1}
    assert line["score"] == 12.35
    assert line["groups"] == {"bulk": 12.35, "text": -0.01}
    assert (line["reply"], line["reply_enhanced"]) == (450, "4.7.1")
    assert not any(name in json.dumps(line) for name in ("bob", "cid", "dora", "example.org"))


def test_a_line_break_in_a_field_does_not_begin_a_new_event(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    log.identity_unknown('t1\n{"event": "stopped"}', "192.0.2.1", 1)
    (line,) = lines(capsys)
    assert line["event"] == "identity_unknown"


def test_a_login_that_is_not_utf_8_can_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    log.identity_unknown("t1", "ann\udce4", 1)
    (line,) = lines(capsys)
    assert line["peer"] == "ann\udce4"
    assert datetime.fromisoformat(str(line["timestamp"])).tzinfo is UTC


def test_an_internal_error_brings_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    try:
        int("x")
    except ValueError as error:
        log.internal_error("parsing", error)
    (line,) = lines(capsys)
    assert "ValueError" in str(line["exception"])


def test_a_worker_says_which_one_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "warning", worker=2)
    log.stopped()
    log.connection_refused("192.0.2.1", "limit")
    (line,) = lines(capsys)
    assert (line["worker"], line["level"]) == (2, "warning")


PAGES = """Exception polling schedules: Traceback (most recent call last):
  File "scheduler.py", line 285, in loop
\tIs the server running?
OperationalError: connection refused
(Background on this error at: https://sqlalche.me/e/21/e3q8)
"""


def test_what_dbos_says_is_one_line_each_minute_for_each_thing(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    [handler] = logging.getLogger("dbos").handlers
    for at, place in ((1e9, 1), (1e9 + 1.0, 1), (1e9 + 2.0, 2), (1e9 + 59.0, 1), (1e9 + 60.0, 1), (1e9 + 61.0, 1)):
        record = logging.LogRecord("dbos", logging.WARNING, "queue.py", place, PAGES, (), None)
        record.created = at
        handler.handle(record)
    told = lines(capsys)
    assert [line["place"] for line in told] == ["queue:1", "queue:2", "queue:1"]
    first_and_last = (
        "Exception polling schedules: Traceback (most recent call last): OperationalError: connection refused"
    )
    assert {(line["event"], line["problem"]) for line in told} == {("containment_engine", first_and_last)}
