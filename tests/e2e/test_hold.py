"""Held mail in a real process: on disk before the client hears 250, released or discarded from the command line."""

import json
import os
import signal
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.detector_process import DetectorProcess, Settings
from tests.support.held_house import STRANGERS
from tests.support.ports import HOST, wait_for
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.e2e
ANN = "ann@example.org"
BODY = b"From: ann@example.org\r\nSubject: summer fair\r\n\r\n.a dot\r\n\r\nthe end \xfc\r\n"
DOUBTFUL: Settings = {
    "identity": [{"source": "envelope-sender"}],
    "judging": {"hold_score": 0.5},
}


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        yield running


def held(detector: DetectorProcess, *words: str) -> Any:
    return json.loads(detector.command("held", *words, "--json", "--config", str(detector.path)))


def hand_over(detector: DetectorProcess, body: bytes = BODY) -> str:
    """A message to ten strangers; what the relay answers, `<code> <text>`."""
    with smtplib.SMTP(HOST, detector.port, timeout=30) as client:
        client.ehlo("pc.example")
        client.mail(ANN, ["BODY=8BITMIME", "RET=HDRS", "ENVID=QQ314159"])
        for recipient in STRANGERS:
            client.rcpt(recipient, ["NOTIFY=FAILURE"])
        code, text = client.data(body)
    return f"{code} {text.decode()}"


def waits(detector: DetectorProcess) -> list[str]:
    return [line["message_id"] for line in held(detector, "list")]


def test_what_is_held_survives_kill_9_and_is_released_as_it_came(sink: SmtpSink, tmp_path: Path) -> None:
    with DetectorProcess(tmp_path, sink.port, DOUBTFUL) as detector:
        answer = hand_over(detector)
        detector.kill()
        assert answer.startswith("250 2.0.0 Ok: queued as ")
        assert b"summer fair" not in b"".join(path.read_bytes() for path in (detector.state / "held").iterdir())
        detector.start()
        (message_id,) = waits(detector)
        assert sink.messages == []
        held(detector, "release", message_id[:6], "--reason", "the customer has announced it")
        sink.wait_for_messages(1, timeout=20)
        (message,) = sink.messages
        assert list(message.addresses) == STRANGERS
        assert message.sender.parameters == ("BODY=8BITMIME", "RET=HDRS", "ENVID=QQ314159")
        assert {recipient.parameters for recipient in message.recipients} == {("NOTIFY=FAILURE",)}
        received, _, came = message.content.partition(b"\r\nFrom:")
        assert b"From:" + came == BODY
        assert received.startswith(b"Received: from pc.example")
        assert received.count(b"Received:") == 1
        wait_for(lambda: not waits(detector), "it has ended")
        wait_for(lambda: not list((detector.state / "held").glob("*.held")), "its file is erased")


def test_what_is_discarded_is_not_sent_and_can_be_released_for_a_time(sink: SmtpSink, tmp_path: Path) -> None:
    with DetectorProcess(tmp_path, sink.port, DOUBTFUL) as detector:
        hand_over(detector)
        (message_id,) = waits(detector)
        held(detector, "discard", "--account", ANN, "--reason", "spam")
        assert waits(detector) == []
        assert sink.messages == []
        held(detector, "release", message_id)
        sink.wait_for_messages(1, timeout=20)


def test_when_the_thresholds_are_raised_it_goes_by_itself(sink: SmtpSink, tmp_path: Path) -> None:
    with DetectorProcess(tmp_path, sink.port, DOUBTFUL) as detector:
        hand_over(detector)
        text = detector.path.read_text("utf-8")
        detector.path.write_text(text.replace("hold_score = 0.5", "hold_score = 9.0"), "utf-8")
        os.kill(detector.process_id, signal.SIGHUP)
        sink.wait_for_messages(1, timeout=20)
        wait_for(lambda: detector.metrics()['detector_held_results_total{result="released"}'] == 1, "it is counted")
