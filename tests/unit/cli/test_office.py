"""Where operators work: nobody is anonymous, and nothing is made that the server should make."""

import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from detector.cli.office import login, name_of, opened
from detector.config import ConfigError
from tests.support.ports import PATIENCE
from tests.unit.cli.conftest import ANN, Answer, Keyboard

ON_A_FULL_DISK = """
import resource
from detector.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))  # no file may grow
main()
"""


def type_on_a_full_disk(keyboard: Keyboard, *words: str) -> Answer:
    command = [sys.executable, "-c", ON_A_FULL_DISK, *words, "--config", str(keyboard.config), "--actor", "olga"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("a_server_runs", [False, True])
def test_on_a_full_disk_incidents_are_shown_and_nothing_is_decided(keyboard: Keyboard, a_server_runs: bool) -> None:
    keyboard.open_incident()
    server = keyboard.records()
    server.standing()
    if not a_server_runs:
        server.close()
    listed = type_on_a_full_disk(keyboard, "incidents", "list", "--json")
    assert (listed.status, json.loads(listed.output)[0]["account"]) == (0, ANN)
    assert listed.complaint.startswith("detector: this look is not in the audit log: records: audit: ")
    shown = type_on_a_full_disk(keyboard, "incidents", "show", "3f2a")
    assert (shown.status, "480 recipients" in shown.output) == (0, True)
    assert "not in the audit log" in shown.complaint
    decided = type_on_a_full_disk(keyboard, "incidents", "dismiss", "3f2a")
    assert (decided.status, decided.output) == (75, "")
    server.close()
    assert keyboard.read("incidents", "list")[0]["state"] == "open"


def test_an_empty_audit_log_on_a_full_disk_is_whole(keyboard: Keyboard) -> None:
    answer = type_on_a_full_disk(keyboard, "audit", "verify")
    assert (answer.status, answer.output) == (0, f"0 entries are unchanged. Hash of the last: {'0' * 64}\n")


def test_what_was_not_moved_into_the_file_yet_is_not_passed_over(keyboard: Keyboard) -> None:
    server = keyboard.records()
    keyboard.open_incident()
    crashed = keyboard.directory / "crashed"
    crashed.mkdir()
    for name in ("records.sqlite", "records.sqlite-wal"):
        shutil.copy(keyboard.directory / "state" / name, crashed / name)
    server.close()
    keyboard.config.write_text(f'[state]\ndirectory = "{crashed}"\n', "utf-8")
    listed = type_on_a_full_disk(keyboard, "incidents", "list")
    assert (listed.status, listed.output) == (75, "")
    assert listed.complaint.startswith("detector: records: open: ")


def test_behind_sudo_the_person_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "olga")
    assert login(tmp_path) == "olga"
    monkeypatch.delenv("SUDO_USER")
    assert login(tmp_path)


def test_who_has_no_rights_of_the_service_cannot_say_that_sudo_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    monkeypatch.setenv("SUDO_USER", "olga")
    monkeypatch.setattr(os, "geteuid", lambda: nobody)
    monkeypatch.setattr(os, "getuid", lambda: nobody)
    assert login(tmp_path) == "nobody"
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid)
    assert login(tmp_path) == "olga"  # sudo -u SERVICE


def test_the_program_itself_is_nobody_who_decides() -> None:
    with pytest.raises(ConfigError, match="--actor NAME"):
        name_of("", "detector")
    assert name_of("olga", "detector") == "olga (by detector)"


def test_records_are_not_begun_by_an_operator(tmp_path: Path) -> None:
    config = tmp_path / "detector.toml"
    config.write_text(f'[state]\ndirectory = "{tmp_path}"\n', "utf-8")
    with pytest.raises(ConfigError, match="there are no records at"), opened(config, "olga"):
        pass
    assert not (tmp_path / "records.sqlite").exists()
