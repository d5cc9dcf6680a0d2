"""Who may restore records, and when."""

import os
from pathlib import Path

import pytest

from detector.cli.ends import NOT_YOURS
from detector.host import hold_alone
from tests.unit.cli.conftest import Keyboard


@pytest.fixture
def backup(keyboard: Keyboard) -> Path:
    keyboard.open_incident()
    file = keyboard.directory / "backup.sqlite"
    assert keyboard.type("records", "backup", str(file)).status == 0
    return file


def test_while_a_server_runs_nothing_is_restored(keyboard: Keyboard, backup: Path) -> None:
    lock = hold_alone(keyboard.directory / "state")
    answer = keyboard.type("records", "restore", str(backup))
    os.close(lock)
    assert answer.status == 1
    assert "is used by another running detector: stop the server first" in answer.complaint
    assert keyboard.read("audit", "list")[1]["action"] == "back up records"


def test_the_lock_is_free_after_a_restore(keyboard: Keyboard, backup: Path) -> None:
    found = keyboard.read("records", "restore", str(backup))
    assert [Path(path).name for path in found["aside"]] == ["records.sqlite.before-restore-1"]
    os.close(hold_alone(keyboard.directory / "state"))


def test_what_containments_remember_does_not_outlive_the_records_it_is_about(keyboard: Keyboard, backup: Path) -> None:
    containments = keyboard.directory / "state" / "containment.sqlite"
    containments.write_bytes(b"what was done after the backup")
    found = keyboard.read("records", "restore", str(backup))
    assert [Path(path).name for path in found["aside"][1:]] == ["containment.sqlite.before-restore-1"]
    assert not containments.exists()


def test_a_whole_state_directory_that_is_lost_is_made_again(keyboard: Keyboard, backup: Path) -> None:
    state = keyboard.directory / "state"
    state.rename(keyboard.directory / "lost")
    assert keyboard.type("records", "restore", str(backup)).status == 0
    assert len(keyboard.read("incidents", "list")) == 1


def test_a_file_that_is_not_there_is_no_reason_to_touch_anything(keyboard: Keyboard) -> None:
    answer = keyboard.type("records", "restore", str(keyboard.directory / "missing"))
    assert (answer.status, "is no file" in answer.complaint) == (1, True)
    assert keyboard.type("records", "restore", str(keyboard.config)).status == 1
    assert keyboard.type("incidents", "list").status == 0


def test_only_an_admin_restores_and_who_tries_is_in_the_audit_log(
    keyboard: Keyboard, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "nobody")
    with keyboard.config.open("a", encoding="utf-8") as file:
        file.write('[operators]\noperator = ["nobody"]\n')
    answer = keyboard.type("records", "restore", str(backup))
    assert (answer.status, answer.output) == (NOT_YOURS, "")
    assert keyboard.read("audit", "list")[1]["subject"] == "records restore"
    assert keyboard.type("records", "backup", str(keyboard.directory / "mine")).status == NOT_YOURS
    for part in (keyboard.directory / "state").glob("records.sqlite*"):
        part.unlink()
    assert keyboard.type("records", "restore", str(backup)).status == NOT_YOURS
