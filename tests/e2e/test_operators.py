"""Operators' commands beside a running server: what a person decides, the server does."""

import json
import smtplib
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.incident.incident import Event
from detector.records.records import Records
from tests.support.detector_process import DetectorProcess
from tests.support.ports import HOST, PATIENCE, wait_for
from tests.support.response import NOW, incident
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.e2e
ANN = "ann@example.org"


@pytest.fixture
def detector(tmp_path: Path, sink: SmtpSink) -> Iterator[DetectorProcess]:
    users = tmp_path / "users"
    users.write_text(f"{ANN}:{{BLF-CRYPT}}old\n")
    settings = {
        "identity": [{"source": "envelope-sender"}],
        "response": {"password": {"provider": "passwd-file", "path": str(users)}},
    }
    with DetectorProcess(tmp_path / "detector", sink.port, settings) as running:
        yield running


def send(detector: DetectorProcess) -> int:
    """The code of the reply to MAIL, RCPT or the message, whichever is the last."""
    with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as smtp:
        smtp.ehlo()
        code, _ = smtp.mail(ANN)
        if code == 250:
            try:
                smtp.rcpt("kim@example.net")
                code, _ = smtp.data(b"Subject: x\r\n\r\ny\r\n")
            except smtplib.SMTPDataError as error:  # it may be blocked since MAIL
                code = error.smtp_code
        return code


def test_what_a_person_decides_the_running_server_does(detector: DetectorProcess, tmp_path: Path) -> None:
    config = ("--config", str(detector.path), "--actor", "olga")
    assert send(detector) == 250
    wait_for(lambda: ANN in detector.command("accounts", "list", *config), "the profile is on disk")
    assert json.loads(detector.command("accounts", "show", ANN, "--json", *config))["standing"] == "free"

    records = Records(f"sqlite:///{detector.state / 'records.sqlite'}")
    records.open_incident(incident("abcdef0123456789", ANN, trusted=False))
    wait_for(lambda: "waits for you" in detector.command("incidents", "show", "abcd", *config), "it asks a person")
    wait_for(lambda: send(detector) == 450, "the block is taken over")
    detector.command("incidents", "confirm", "abcd", *config)
    wait_for(lambda: "change password: done" in detector.command("incidents", "show", "abcd", *config), "it is changed")
    assert "}old" not in (tmp_path / "users").read_text()
    assert send(detector) == 450

    detector.command("accounts", "release", ANN, "--reason", "scanned", *config)
    wait_for(lambda: send(detector) == 250, "the account may send again")
    assert [told.event for told in records.timeline("abcdef0123456789")][-1] == Event.RELEASE
    assert len(records.strikes(ANN, NOW)) == 1
    records.close()
    assert "are unchanged" in detector.command("audit", "verify", *config)


def test_check_beside_the_running_server_finds_it(detector: DetectorProcess) -> None:
    found = json.loads(detector.command("check", "--json", "--config", str(detector.path)))
    assert not [finding for finding in found if finding["level"] == "problem"]
    running = [finding["about"] for finding in found if "a detector runs" in finding["text"]]
    assert running == ["metrics.listen", "relay.listen", "policy_service.listen"]
    assert all(finding["level"] == "ok" for finding in found if finding["about"] in running)


def test_the_doctor_finds_the_running_server_well_and_reads_its_metrics(detector: DetectorProcess) -> None:
    send(detector)
    found = json.loads(detector.command("doctor", "--json", "--config", str(detector.path)))
    assert found["well"]
    parts = {part["name"]: part for part in found["parts"]}
    health = parts["health"]["facts"]
    assert (health["running"], health["ready"], health["transactions"]) == (True, True, 1)
    assert parts["stores"]["facts"]["records.sqlite_bytes"] > 0
    assert not [one for part in found["parts"] for one in part["findings"] if one["level"] == "problem"]


def test_a_bundle_of_a_server_that_runs_names_nobody(detector: DetectorProcess, tmp_path: Path) -> None:
    send(detector)
    bundle, log = tmp_path / "bundle.tar.gz", tmp_path / "copy.log"
    wait_for(lambda: bool(detector.events("verdict")), "it has logged the message")
    log.write_text(detector.log(), "utf-8")
    detector.command("doctor", "--bundle", str(bundle), "--log", str(log), "--config", str(detector.path))
    with tarfile.open(bundle) as tar:
        files = [tar.extractfile(entry) for entry in tar]
        everything = "".join(file.read().decode() for file in files if file is not None)
    assert '"event": "verdict"' in everything
    assert "detector_transactions_total" in everything
    assert not [name for name in (ANN, "example.org", "192.0.2") if name in everything]
