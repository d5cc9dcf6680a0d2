"""The service manager listens, and the detector comes and goes."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.detector_process import DetectorProcess
from tests.support.ports import HOST, PATIENCE
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.e2e
REQUEST = b"request=smtpd_access_policy\nqueue_id=1A\nsasl_username=ann@example.net\n\n"


@pytest.fixture
def detector(sink: SmtpSink, tmp_path: Path) -> Iterator[DetectorProcess]:
    """It gets both addresses from us, who keep them open, and was not started yet."""
    process = DetectorProcess(tmp_path, sink.port)
    with ExitStack() as stack:
        listening = [stack.enter_context(socket.create_server((HOST, port))) for port in ports(process)]
        process.passed = [passed.fileno() for passed in listening]
        numbers = ",".join(map(str, process.passed))
        process.launcher = [sys.executable, "-m", "tests.support.passed_sockets", numbers]
        yield process
        process.kill()


def ports(process: DetectorProcess) -> list[int]:
    return [process.policy_port, process.port]  # not in the order in which it asks for them


def first_line(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as lines:
        return lines.readline()


def test_who_connects_while_it_is_not_there_waits_and_is_served(detector: DetectorProcess) -> None:
    early = socket.create_connection((HOST, detector.port), timeout=PATIENCE)
    question = socket.create_connection((HOST, detector.policy_port), timeout=PATIENCE)
    question.sendall(REQUEST)
    detector.start()
    assert first_line(early).startswith(b"220 ")
    assert first_line(question) == b"action=DUNNO\n"
    detector.stop()
    between = socket.create_connection((HOST, detector.port), timeout=PATIENCE)
    detector.start()
    assert first_line(between).startswith(b"220 ")
    assert len(detector.wait_for_events("started", 2)) == 2
