"""Records that are lost and come back, accounts that are forgotten: with a server that runs, in both databases."""

import json
import smtplib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from detector.cli.ends import LATER
from detector.records.records import Records
from tests.support.detector_process import DetectorProcess
from tests.support.ports import HOST, PATIENCE, wait_for
from tests.support.postgres import Postgres
from tests.support.records import least_rights
from tests.support.response import NOW, incident
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.e2e
ANN, BOB = "ann@example.org", "bob@example.org"
BLOCKED = 450
DEGRADED = 'detector_state_degraded{store="records"}'


@pytest.fixture
def detector(tmp_path: Path, sink: SmtpSink) -> Iterator[DetectorProcess]:
    settings = {"identity": [{"source": "envelope-sender"}]}
    with DetectorProcess(tmp_path / "detector", sink.port, settings) as running:
        yield running


def send(detector: DetectorProcess, sender: str) -> int:
    """The code of the reply to MAIL, RCPT or the message, whichever is the last."""
    with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as smtp:
        smtp.ehlo()
        code, _ = smtp.mail(sender)
        if code == 250:
            code, _ = smtp.rcpt("kim@example.net")  # it may be blocked since MAIL
        if code == 250:
            try:
                code, _ = smtp.data(b"Subject: x\r\n\r\ny\r\n")
            except smtplib.SMTPDataError as error:  # or since then
                code = error.smtp_code
        return code


def octets_of(path: Path) -> bytes:
    """None where it has gone meanwhile, as journals do."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def block(detector: DetectorProcess, incident_id: str, account: str) -> None:
    records = Records(f"sqlite:///{detector.state / 'records.sqlite'}")
    records.open_incident(incident(incident_id, account, trusted=False))
    records.close()
    wait_for(lambda: send(detector, account) == BLOCKED, "the block is taken over")


def test_records_that_are_lost_come_back_with_their_blocks(detector: DetectorProcess, tmp_path: Path) -> None:
    words = ("--config", str(detector.path), "--actor", "greta")
    block(detector, "abcdef0123456789", ANN)
    backup = tmp_path / "backup.sqlite"
    told = json.loads(detector.command("records", "backup", str(backup), "--json", *words))
    block(detector, "bcdef0123456789a", BOB)
    detector.kill()
    for part in detector.state.glob("records.sqlite*"):
        part.unlink()
    head = f"{told['head']['number']}:{told['head']['hash']}"
    detector.command("records", "restore", str(backup), "--expect", head, *words)
    detector.start()
    assert (send(detector, ANN), send(detector, BOB)) == (BLOCKED, 250)
    listed = json.loads(detector.command("incidents", "list", "--json", *words))
    assert [one["incident_id"] for one in listed] == ["abcdef0123456789"]
    detector.command("audit", "verify", "--expect", head, *words)


def test_what_is_decided_again_after_a_restore_is_carried_out_again(detector: DetectorProcess, tmp_path: Path) -> None:
    words = ("--config", str(detector.path), "--actor", "greta")
    backup = tmp_path / "backup.sqlite"

    def state() -> str:
        return str(json.loads(detector.command("incidents", "show", "abcd", "--json", *words))["incident"]["state"])

    block(detector, "abcdef0123456789", ANN)
    wait_for(lambda: state() == "pending", "the containment waits for a person")
    detector.command("records", "backup", str(backup), *words)
    detector.command("incidents", "approve", "abcd", *words)
    wait_for(lambda: state() == "contained", "the containment is done")
    detector.stop()
    detector.command("records", "restore", str(backup), *words)
    detector.start()
    assert state() == "pending"
    detector.command("incidents", "approve", "abcd", *words)
    wait_for(lambda: state() == "contained", "the containment is done again")


def test_a_running_server_forgets_what_it_has_learned_of_an_account(detector: DetectorProcess) -> None:
    words = ("--config", str(detector.path), "--actor", "greta")
    for sender in (ANN, BOB):
        assert send(detector, sender) == 250

    def known() -> set[str]:
        return {one["account"] for one in json.loads(detector.command("accounts", "list", "--json", *words))}

    wait_for(lambda: known() == {ANN, BOB}, "the profiles are on disk")
    copy = json.loads(detector.command("accounts", "export", ANN, *words))
    assert copy["profile"]["last_mail_at"] > NOW
    why = ("--yes", "--reason", "letter of 12 March")
    detector.command("accounts", "forget", ANN, *why, *words, statuses=(0, LATER))  # later on a busy machine
    wait_for(lambda: known() == {BOB}, "the profile is erased")

    def files_that_name(account: str) -> set[str]:
        files = [path for path in detector.state.rglob("*") if path.is_file()]
        return {path.name for path in files if account.encode() in octets_of(path)}

    # The server goes on, with its journals. The records keep the decision, and the order to erase.
    wait_for(lambda: files_that_name(ANN) <= {"records.sqlite", "records.sqlite-wal"}, "it is overwritten")
    assert files_that_name(BOB) & {"profiles.sqlite", "profiles.sqlite-wal"}
    detector.stop()
    assert files_that_name(ANN) == {"records.sqlite"}
    newest = json.loads(detector.command("audit", "list", "--json", *words))
    assert ("forget", ANN) in {(entry["action"], entry["subject"]) for entry in newest}


@pytest.mark.debian("postgresql")
def test_a_server_with_least_rights_in_postgresql_blocks_through_a_restart_of_the_database(
    tmp_path: Path, sink: SmtpSink, postgres: Postgres
) -> None:
    with least_rights(postgres) as database:
        url = postgres.url(database)
        settings = {"identity": [{"source": "envelope-sender"}], "records": {"url": url}}
        with DetectorProcess(tmp_path / "detector", sink.port, settings) as detector:
            words = ("--config", str(detector.path), "--actor", "greta")
            with closing(Records(url)) as records:
                records.open_incident(incident("abcdef0123456789", ANN, trusted=False))
            wait_for(lambda: send(detector, ANN) == BLOCKED, "the block is taken over")
            postgres.kill()
            wait_for(lambda: detector.metrics()[DEGRADED] == 1, "the loss is told")
            assert (send(detector, ANN), send(detector, BOB)) == (BLOCKED, 250)
            postgres.start()
            wait_for(lambda: detector.metrics()[DEGRADED] == 0, "the return is told")
            detector.command("incidents", "dismiss", "abcd", *words)
            wait_for(lambda: send(detector, ANN) == 250, "the block is lifted")
            detector.command("audit", "verify", *words)
