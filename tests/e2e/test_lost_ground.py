"""Directories that are removed or replaced under a running hop: it says so, mail goes on, and nothing is promised."""

import shutil
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.test_hold import DOUBTFUL, hand_over
from tests.support.detector_process import DetectorProcess
from tests.support.ports import HOST, PATIENCE, wait_for
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.e2e
SAID = "was removed or replaced while it was in use: put it back and restart the detector"


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        yield running


def replaced(directory: Path) -> None:
    directory.rename(directory.with_name("moved"))
    (directory / "held").mkdir(mode=0o700, parents=True)


def removed(directory: Path) -> None:
    """Whatever the detector makes or removes in it meanwhile."""
    while directory.exists():
        shutil.rmtree(directory, ignore_errors=True)


def degraded(detector: DetectorProcess, store: str) -> bool:
    return detector.metrics().get(f'detector_state_degraded{{store="{store}"}}') == 1.0


@pytest.mark.parametrize("lose", [replaced, removed])
def test_a_directory_that_is_lost_is_noticed_and_mail_passes_but_none_is_taken_on_hold(
    sink: SmtpSink, tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    with DetectorProcess(tmp_path, sink.port, DOUBTFUL) as detector:
        held, moved = detector.state / "held", tmp_path / "moved"
        held.rename(moved)
        held.mkdir(mode=0o700)
        assert hand_over(detector).startswith("45")
        assert SAID in detector.wait_for_events("hold_failed")[0]["problem"]
        assert not any(held.iterdir())
        held.rmdir()
        moved.rename(held)
        assert hand_over(detector).startswith("250 ")  # it is put back, and takes mail

        lose(detector.state)
        wait_for(lambda: degraded(detector, "records"), "it is noticed without any mail")
        wait_for(lambda: any(SAID in said["problem"] for said in detector.events("records_failed")), "and said")
        assert hand_over(detector).startswith("45")
        with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as client:
            client.sendmail("bob@example.org", "friend@example.net", b"Subject: tea\r\n\r\nAt five?\r\n")
        sink.wait_for_messages(1)
        wait_for(lambda: degraded(detector, "profiles"), "profiles are written nowhere else")
        wait_for(lambda: any(SAID in said["problem"] for said in detector.events("state_write_failed")), "and said")
