"""`detector doctor` as an operator types it."""

import json
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from detector.cli.main import app
from detector.config import HostPort
from detector.health import HealthServer
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.records.engine import stored_version
from detector.records.records import Records
from tests.support.ports import HOST, free_port
from tests.support.records import tamper
from tests.support.seeded_house import (
    ANN,
    BARE,
    BEN,
    CHAT_SECRET,
    CLIENT,
    CLUB,
    PANEL_SECRET,
    SHOP,
    STRANGER,
    SeededHouse,
    seeded_house,
)

PEOPLE = (ANN, BEN, CLUB, SHOP, BARE, "olga", "admiral", "example.org", STRANGER, "strangers.example")
PLACES = (CLIENT, "203.0.113", "provider.example", "customers.example")
SECRETS = (CHAT_SECRET, PANEL_SECRET, "r" * 32, (b"r" * 32).hex(), "T0/B0", "PRIVATE KEY")

LOG = f"""\
{{"event": "verdict", "account": "{ANN}", "client": "{CLIENT}", "action": "block", "level": "info"}}
{{"event": "verdict", "account": "never-seen-before", "client": "2001:db8::77"}}
not JSON: {BARE} of [{CLIENT}] wrote to <{STRANGER}> by mx-out.provider.example with {CHAT_SECRET} and {PANEL_SECRET}
postfix/smtpd[7]: 4QID: client=pc.customers.example[198.51.100.9], helo=<[pc]>, sasl_username=unheard-of
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> SeededHouse:
    return seeded_house(tmp_path_factory.mktemp("seeded") / "house")


@pytest.fixture
def house(template: SeededHouse, tmp_path: Path) -> SeededHouse:
    return template.copy(tmp_path / "house", free_port())


@pytest.fixture
def serving(house: SeededHouse) -> Iterator[Metrics]:
    """The health page of a server of this house."""
    metrics = Metrics("0.1.0")
    metrics.next_hop_up.labels("mx-out.provider.example:25").set(1)
    listen = house.config.metrics.listen
    server = HealthServer(HostPort(host=HOST, port=listen.port), metrics.registry, lambda: True)
    server.start()
    yield metrics
    server.stop()


def doctor(house: SeededHouse, *words: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *words, "--config", str(house.path), "--actor", "olga"])


def found(house: SeededHouse) -> dict[str, Any]:
    result = doctor(house, "--json")
    return {part["name"]: part for part in json.loads(result.stdout)["parts"]}


def unpacked(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar}
        return {Path(name).name: file.read().decode() for name, file in files.items() if file is not None}


def audited(house: SeededHouse) -> tuple[str, str, str]:
    with house.records() as records:
        last = records.audit_log(1)[0]
        return last.actor, last.action, last.subject


def decide_about_ben(house: SeededHouse) -> None:
    """Then nothing waits in the house."""
    words = ["incidents", "dismiss", "91bb", "--note", "newsletter", "--config", str(house.path)]
    assert CliRunner().invoke(app, words).exit_code == 0


def test_where_all_is_well_the_exit_status_is_0(house: SeededHouse, serving: Metrics) -> None:
    decide_about_ben(house)
    result = doctor(house)
    assert result.exit_code == 0, result.output
    assert "UTC: 0 problems" in result.stdout.splitlines()[0]
    assert all(f"\n{part}\n" in result.stdout for part in ("health", "incidents", "stores", "versions", "models"))


def test_what_is_wrong_comes_first_with_what_to_do(house: SeededHouse) -> None:
    result = doctor(house)
    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert "2 problems" in lines[0]
    assert [line.split()[1] for line in lines[1:3]] == ["server:", "incidents:"]
    assert "systemctl start detector" in lines[1]
    assert "detector incidents list" in lines[2]


def test_programs_get_all_of_it_with_numbers(house: SeededHouse, serving: Metrics) -> None:
    parts = found(house)
    assert parts["health"]["facts"]["running"] is True
    assert parts["incidents"]["facts"]["pending incidents"] == 1
    assert parts["records"]["facts"]["audit rows"] > 10
    assert parts["stores"]["facts"]["profiles rows"] == 5
    assert parts["configuration"]["facts"]["observe"] == "false (default true)"
    assert parts["certificates"]["facts"]["relay.tls.certificate ends_at"] > 0
    assert parts["calibration"]["facts"]["last --live"] == "never"


def test_no_secret_stands_on_the_page(house: SeededHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANEL_KEY", PANEL_SECRET)
    output = doctor(house).stdout + doctor(house, "--json").stdout
    assert not [secret for secret in SECRETS if secret in output]


def test_a_look_is_in_the_audit_log(house: SeededHouse) -> None:
    doctor(house)
    assert audited(house)[0].startswith("olga")
    assert audited(house)[1:] == ("look at health", "")


def test_records_that_cannot_be_opened_are_a_problem_and_the_rest_is_told(house: SeededHouse) -> None:
    (house.directory / "state" / "records.sqlite").write_bytes(b"no database " * 1000)
    result = doctor(house)
    assert result.exit_code == 1
    assert "restore a backup" in result.stdout
    assert "\nversions\n" in result.stdout


def test_records_of_an_older_program_are_told_and_stay_as_they_are(house: SeededHouse) -> None:
    url = f"sqlite:///{house.directory}/state/records.sqlite"
    tamper(url, "UPDATE alembic_version SET version_num = '0005'")
    result = doctor(house)
    assert result.exit_code == 1
    assert "they have schema version 0005: back up, then start the server" in result.stdout
    assert "not in the audit log" in result.stderr
    assert stored_version(url) == "0005"


def test_records_that_are_empty_because_the_disk_was_full_are_not_taken_for_old_ones(house: SeededHouse) -> None:
    (house.directory / "state" / "records.sqlite").write_bytes(b"")
    result = doctor(house)
    assert "they are empty, for the first start broke off: make room if the disk is full" in result.stdout
    assert "schema version 0000" not in result.stdout


def test_records_that_are_not_there_yet_are_a_problem(house: SeededHouse) -> None:
    (house.directory / "state" / "records.sqlite").unlink()
    assert "makes them when it starts for the first time" in doctor(house).stdout


def test_records_that_go_away_meanwhile_are_a_problem_and_the_rest_is_told(
    house: SeededHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        msg = "records: the server closed the connection"
        raise Temporary(msg)

    monkeypatch.setattr(Records, "audit_log", gone)
    monkeypatch.setattr(Records, "census", gone)
    result = doctor(house)
    assert "the server closed the connection: is the database up" in result.stdout
    assert "\nversions\n" in result.stdout


def test_a_shared_state_that_does_not_answer_is_a_problem(house: SeededHouse) -> None:
    text = house.path.read_text("utf-8").replace("[state]\n", f'[state]\nurl = "valkey://{HOST}:{free_port()}/0"\n')
    house.path.write_text(text, "utf-8")
    assert "problem  state.url: " in doctor(house).stdout


def test_a_wrong_configuration_is_said_with_exit_status_2(house: SeededHouse) -> None:
    house.path.write_text("mood = 'good'", "utf-8")
    result = doctor(house)
    assert result.exit_code == 2
    assert "mood" in result.stderr


@pytest.mark.parametrize("broken", [False, True])
def test_a_viewer_looks_and_makes_no_bundle(house: SeededHouse, monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    text = house.path.read_text("utf-8").replace('admin = ["root", "admiral"]', 'viewer = ["daemon"]')
    house.path.write_text(text, "utf-8")
    monkeypatch.setattr("detector.cli.roles._owners", lambda _: {os.getuid()})
    monkeypatch.setenv("SUDO_USER", "daemon")
    if broken:
        (house.directory / "state" / "records.sqlite").unlink()
    target = house.directory / "bundle.tar.gz"
    refused = doctor(house, "--bundle", str(target))
    assert refused.exit_code == 77
    assert not target.exists()
    assert doctor(house).exit_code == 1


def test_nobody_is_in_a_bundle_and_no_secret(
    house: SeededHouse, serving: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANEL_KEY", PANEL_SECRET)
    log, target = house.directory / "detector.log", house.directory / "bundle.tar.gz"
    log.write_text(LOG, "utf-8")
    doctor(house, "--bundle", str(target), "--log", str(log))
    files = unpacked(target)
    assert set(files) == {"README.txt", "doctor.json", "configuration.json", "metrics.txt", "log.txt"}
    everything = "\n".join(files.values())
    assert not [word for word in (*PEOPLE, *PLACES, *SECRETS, "never-seen-before", "unheard-of") if word in everything]
    assert "2001:db8" not in everything
    assert "198.51.100" not in everything


def test_a_bundle_still_tells_what_helps(house: SeededHouse, serving: Metrics) -> None:
    log, target = house.directory / "detector.log", house.directory / "bundle.tar.gz"
    log.write_text(LOG, "utf-8")
    doctor(house, "--bundle", str(target), "--log", str(log))
    files = unpacked(target)
    parts = {part["name"]: part for part in json.loads(files["doctor.json"])["parts"]}
    assert parts["incidents"]["facts"]["pending incidents"] == 1
    assert json.loads(files["configuration.json"])["response.password.provider"] == "command"
    assert 'detector_next_hop_up{server="host-' in files["metrics.txt"]
    first = json.loads(files["log.txt"].splitlines()[0])
    assert (first["event"], first["action"]) == ("verdict", "block")
    assert first["account"].startswith("account-")


def test_a_bundle_is_for_its_maker_alone_audited_and_never_written_over(house: SeededHouse) -> None:
    target = house.directory / "bundle.tar.gz"
    result = doctor(house, "--bundle", str(target))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert audited(house)[1:] == ("look at support bundle", "bundle.tar.gz")
    assert "configuration.json" in result.stdout
    before = target.read_bytes()
    again = doctor(house, "--bundle", str(target))
    assert again.exit_code == 1
    assert "is there already" in again.stderr
    assert target.read_bytes() == before


def test_a_log_is_for_a_bundle_only(house: SeededHouse) -> None:
    assert doctor(house, "--log", "/var/log/detector.log").exit_code == 2


def test_without_the_names_of_accounts_there_is_no_bundle(house: SeededHouse) -> None:
    (house.directory / "state" / "profiles.sqlite").write_bytes(b"no database " * 1000)
    result = doctor(house, "--bundle", str(house.directory / "bundle.tar.gz"))
    assert result.exit_code == 1
    assert "nothing can be redacted" in result.stderr
