"""Whole servers on a Valkey that falls silent, dies and comes back: mail flows, and blocks hold on two hosts."""

import asyncio
import shutil
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bench.steady import tell_login
from tests.support.detector_process import DetectorProcess, Settings
from tests.support.ports import HOST, PATIENCE, wait_for
from tests.support.smtp_sink import SmtpSink
from tests.support.valkey import Valkey

pytestmark = [pytest.mark.e2e, pytest.mark.debian("redis-server")]

THIEF, BEN, BOB = "thief@example.org", "ben@example.org", "bob@example.net"
BLOCKED = "450 4.7.1"


@pytest.fixture(scope="module")
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        running.answer("RCPT", "nobody", "550 5.1.1 No such user")
        yield running


def settings(valkey: Valkey) -> Settings:
    return {
        "identity": [{"source": "envelope-sender"}],
        "judging": {"block_score": 4.0, "hold_score": 3.9, "window_start": 500},
        "state": {"url": valkey.url},
    }


@contextmanager
def client(detector: DetectorProcess) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as connection:
        connection.ehlo("pc.example")
        yield connection


def passes(detector: DetectorProcess, sender: str = BEN) -> bool:
    """Whether a message is accepted at the first attempt."""
    with client(detector) as connection:
        try:
            return connection.sendmail(sender, [BOB], b"Subject: hello\r\n\r\nhello\r\n") == {}
        except smtplib.SMTPException:
            return False


def blocked(detector: DetectorProcess, sender: str = THIEF, queue_id: str = "") -> bool:
    with client(detector) as connection:
        if queue_id:
            connection.docmd(f"XFORWARD IDENT={queue_id}")
        code, text = connection.mail(sender)
        return f"{code} {text.decode()}".startswith(BLOCKED)


def blast(detector: DetectorProcess, queue_id: str = "") -> None:
    """To strangers of whom half do not exist, until it is noticed."""
    with client(detector) as connection:
        for number in range(50):
            if queue_id:
                connection.docmd(f"XFORWARD IDENT={queue_id}")
            code, text = connection.mail(THIEF)
            if f"{code} {text.decode()}".startswith(BLOCKED):
                return
            for one in range(10):
                connection.rcpt(f"{'nobody' if one % 2 else 'target'}-{number}-{one}@victims.example")
            connection.data(b"Subject: offer\r\n\r\nbuy %d\r\n" % number)
            connection.rset()
    pytest.fail("the thief is never recognised")


def degraded(detector: DetectorProcess) -> bool:
    return detector.metrics()['detector_state_degraded{store="shared"}'] == 1.0


def test_mail_flows_and_blocks_hold_while_the_server_is_silent_dead_and_back(
    valkey: Valkey, sink: SmtpSink, tmp_path: Path
) -> None:
    with DetectorProcess(tmp_path / "one", sink.port, settings(valkey)) as detector:
        assert passes(detector)
        another_host_hears_of_the_block(detector, valkey, sink, tmp_path / "other")
        valkey.freeze()
        assert passes(detector)
        assert passes(detector)
        assert blocked(detector)
        wait_for(lambda: degraded(detector), "it is shown")
        valkey.kill()
        assert passes(detector)
        assert blocked(detector)
        detector.stop()
        detector.start()  # while there is no server
        assert degraded(detector)
        assert passes(detector)
        assert blocked(detector)
        valkey.start()
        wait_for(lambda: not degraded(detector), "it is over")
        assert passes(detector)
        assert blocked(detector)
        detector.wait_for_events("shared_state_back")
        told = [event["event"] for event in detector.events() if event["event"].startswith("shared_state")]
        assert told == ["shared_state_away", "shared_state_away", "shared_state_back"]  # once for each process
        assert not detector.events("internal_error")
        assert BEN in detector.command("accounts", "list", "--json", "--config", str(detector.path))


def another_host_hears_of_the_block(detector: DetectorProcess, valkey: Valkey, sink: SmtpSink, place: Path) -> None:
    """Though it has records of its own, and nobody to read it from."""
    (place / "state").mkdir(parents=True)
    shutil.copy(detector.state / "recipient.key", place / "state")
    with DetectorProcess(place, sink.port, settings(valkey)) as other:
        assert not blocked(other)
        blast(detector)
        wait_for(lambda: blocked(other), "it has heard of it")
        assert passes(other)


def test_mail_of_a_blocked_account_that_waits_at_postfix_does_not_pass_while_the_server_is_away(
    valkey: Valkey, sink: SmtpSink, tmp_path: Path
) -> None:
    by_login: Settings = {"identity": [{"source": "policy-service", "trusted": True}]}
    with DetectorProcess(tmp_path, sink.port, {**settings(valkey), **by_login}) as detector:
        asyncio.run(tell_login(detector.policy_port, THIEF, "QTHIEF"))
        blast(detector, "QTHIEF")
        assert blocked(detector, queue_id="QTHIEF")
        valkey.kill()
        wait_for(lambda: degraded(detector), "it is away")
        assert blocked(detector, queue_id="QTHIEF")
        assert passes(detector)
