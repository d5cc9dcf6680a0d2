"""The detector with the rights that deploy/systemd/detector.service leaves to it, and with no others."""

import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import packages, service_rights
from tests.support.detector_process import CHECKOUT, DetectorProcess, Settings
from tests.support.hijack import OFFER
from tests.support.ports import HOST, PATIENCE, wait_for
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.e2e
UNIT = CHECKOUT / "deploy" / "systemd" / "detector.service"
THIEF = "ann@example.net"
OLD_HASH = "{PLAIN}stolen"


@pytest.fixture(scope="module")
def launcher() -> list[str]:
    packages.need("systemd")
    if reason := service_rights.cannot():
        pytest.skip(reason)
    return [sys.executable, "-m", "tests.support.service_rights", str(UNIT)]


@pytest.fixture
def detector(launcher: list[str], sink: SmtpSink, tmp_path: Path) -> Iterator[DetectorProcess]:
    """It contains an account by a file, a program, and its own database of work."""
    directory = tmp_path / "detector"
    users = directory / "users"
    settings: Settings = {
        "identity": [{"source": "header", "name": "X-AuthUser", "trusted": True}],
        "judging": {"block_score": 1.0, "hold_score": 1.0, "window_start": 500},
        "response": {
            "password": {"provider": "passwd-file", "path": str(users)},
            "sessions": [{"provider": "command", "argv": ["/usr/bin/tee", str(directory / "ended")]}],
        },
    }
    process = DetectorProcess(directory, sink.port, settings)
    users.write_text(f"{THIEF}:{OLD_HASH}::::::\n", "utf-8")
    process.launcher = [*launcher, str(directory)]
    with process:
        yield process


def blast(port: int) -> None:
    """Strangers get an offer in a stranger's name, until the answer is no 250."""
    with smtplib.SMTP(HOST, port, timeout=PATIENCE) as client, suppress(smtplib.SMTPException):
        for number in range(6):
            strangers = [f"stranger-{number}-{place}@example.org" for place in range(25)]
            text = f"X-AuthUser: {THIEF}\r\nFrom: prize@win.example\r\nSubject: {number}\r\n\r\n{OFFER}\r\n"
            client.sendmail(f"prize-{number}@win.example", strangers, text)


def test_a_start_a_reload_a_hijacked_account_and_an_end(detector: DetectorProcess) -> None:
    assert detector.metrics()["process_start_time_seconds"] > 0
    os.kill(detector.process_id, signal.SIGHUP)
    wait_for(lambda: bool(detector.events("reloaded")), "it has read its configuration again")
    blast(detector.port)
    wait_for(lambda: OLD_HASH not in (detector.directory / "users").read_text("utf-8"), "the password is changed")
    wait_for((detector.directory / "ended").exists, "the program that ends sessions has run")
    detector.stop()
    assert [event for event in detector.events() if event["level"] == "error"] == []


def test_nothing_else_can_be_written_to_or_asked_of_the_kernel(launcher: list[str], tmp_path: Path) -> None:
    """The launcher keeps what it promises: else the test above proves nothing."""
    tried = """
import ctypes, mmap, os, socket
def says(attempt):
    try:
        attempt()
    except (OSError, PermissionError) as error:
        return error.strerror
    return "may"
print(says(lambda: open("here", "w")), says(lambda: open("/etc/x", "w")), says(lambda: open("/root/x", "w")))
print(says(lambda: os.chroot("/")), says(lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)), says(lambda: socket.socket()))
print(says(lambda: socket.socket(socket.AF_NETLINK)), says(lambda: mmap.mmap(-1, 4096, prot=7)))
"""
    words = [*launcher, str(tmp_path), sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r})\n{tried}"]
    done = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout.splitlines() == [
        "may Read-only file system Read-only file system",
        "Operation not permitted Operation not permitted may",
        "Address family not supported by protocol Permission denied",
    ], done.stderr
