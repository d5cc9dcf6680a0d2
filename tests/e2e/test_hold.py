"""Held mail in a real process: on disk before the client hears 250, released or discarded from the command line."""

import json
import os
import signal
import smtplib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.detector_process import DetectorProcess, Settings
from tests.support.held_house import STRANGERS
from tests.support.ports import HOST, PATIENCE, wait_for
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
    with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as client:
        client.ehlo("pc.example")
        client.mail(ANN, ["BODY=8BITMIME", "RET=HDRS", "ENVID=QQ314159"])
        for recipient in STRANGERS:
            client.rcpt(recipient, ["NOTIFY=FAILURE"])
        code, text = client.data(body)
    return f"{code} {text.decode()}"


def waits(detector: DetectorProcess) -> list[str]:
    return [line["message_id"] for line in held(detector, "list")]


@contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """A file system of 1 MB; skips where we may not mount one."""
    directory.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "small", str(directory)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk is a tmpfs, and only root may mount it")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


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
        sink.wait_for_messages(1)
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
        sink.wait_for_messages(1)


def test_when_the_thresholds_are_raised_it_goes_by_itself(sink: SmtpSink, tmp_path: Path) -> None:
    with DetectorProcess(tmp_path, sink.port, DOUBTFUL) as detector:
        hand_over(detector)
        text = detector.path.read_text("utf-8")
        detector.path.write_text(text.replace("hold_score = 0.5", "hold_score = 9.0"), "utf-8")
        os.kill(detector.process_id, signal.SIGHUP)
        sink.wait_for_messages(1)
        wait_for(lambda: detector.metrics().get('detector_held_results_total{result="released"}') == 1, "it is counted")
        assert waits(detector) == []
    assert [list(message.addresses) for message in sink.messages] == [STRANGERS]


def test_a_full_disk_means_452_and_no_crash_and_room_is_used_again(sink: SmtpSink, tmp_path: Path) -> None:
    directory = tmp_path / "small"
    with small_disk(directory):
        settings = {**DOUBTFUL, "hold": {"directory": str(directory), "free_bytes": 0}}
        with DetectorProcess(tmp_path / "detector", sink.port, settings) as detector:
            answers = [hand_over(detector, BODY + b"%d x\r\n" % number * 40_000) for number in range(8)]
            assert answers[0].startswith("250 2.0.0 Ok: queued as ")
            assert answers[-1] == "452 4.3.1 Insufficient storage, try again later"
            assert detector.metrics()['detector_held_failures_total{reason="disk_full"}'] >= 1
            held(detector, "release", "--account", ANN, "--yes")
            wait_for(lambda: not list(directory.glob("*.held")), "the files are erased")
            assert hand_over(detector).startswith("250 ")
    # The last one passes: its recipients are known by then.
    assert len(sink.messages) == 1 + sum(answer.startswith("250 ") for answer in answers)


def test_without_its_key_held_mail_waits_until_the_key_is_back(sink: SmtpSink, tmp_path: Path) -> None:
    key = tmp_path / "hold.key"
    key.write_text("0a" * 32)
    settings = {**DOUBTFUL, "hold": {"keys": [{"file": str(key)}]}}
    key.chmod(0o600)
    with DetectorProcess(tmp_path / "detector", sink.port, settings) as detector:
        hand_over(detector)
        (message_id,) = waits(detector)
        detector.stop()
        key.write_text("0b" * 32)
        detector.start()
        held(detector, "release", message_id)
        wait_for(lambda: bool(detector.events("held_unreadable")), "it is told")
        wait_for(lambda: detector.metrics().get('detector_held_messages{state="releasing"}') == 1, "it is counted")
        assert sink.messages == []
        detector.stop()
        key.write_text("0a" * 32)
        detector.start()
        held(detector, "release", message_id)
        sink.wait_for_messages(1)
    assert [list(message.addresses) for message in sink.messages] == [STRANGERS]


def test_a_damaged_file_is_shown_and_never_sent(sink: SmtpSink, tmp_path: Path) -> None:
    with DetectorProcess(tmp_path, sink.port, DOUBTFUL) as detector:
        hand_over(detector)
        (message_id,) = waits(detector)
        path = detector.state / "held" / f"{message_id}.held"
        path.write_bytes(path.read_bytes()[:-1])
        held(detector, "release", message_id)
        wait_for(lambda: bool(detector.events("held_unreadable")), "it is told")
        detector.stop()
        path.unlink()
        detector.start()
        assert detector.metrics()["detector_held_damaged"] == 1
        assert [line["damaged"] for line in held(detector, "list")] == [True]
    assert sink.messages == []
