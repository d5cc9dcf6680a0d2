"""`detector records` as an administrator types it."""

import re
import shlex
import subprocess

import pytest

from detector.records.schema import HEAD
from tests.support.postgres import programs
from tests.unit.cli.conftest import ANN, Keyboard


def test_records_are_backed_up_lost_and_restored(keyboard: Keyboard) -> None:
    incident = keyboard.open_incident()
    backup = keyboard.directory / "backup.sqlite"
    answer = keyboard.type("records", "backup", str(backup))
    assert answer.status == 0
    head = re.search(r"Its head: (\d+:[0-9a-f]{64})", answer.output)
    assert head is not None
    for part in (keyboard.directory / "state").glob("records.sqlite*"):
        part.unlink()
    assert keyboard.type("incidents", "list").status == 2
    answer = keyboard.type("records", "restore", str(backup), "--expect", head[1])
    assert (answer.status, head[1] in answer.output) == (0, True)
    assert [one["incident_id"] for one in keyboard.read("incidents", "list")] == [incident.incident_id]
    actions = [entry["action"] for entry in keyboard.read("audit", "list")]
    assert "restore records" in actions
    assert "back up records" in actions
    assert keyboard.type("audit", "verify", "--expect", head[1]).status == 0


def test_a_backup_says_in_json_where_its_audit_log_ends(keyboard: Keyboard) -> None:
    found = keyboard.read("records", "backup", str(keyboard.directory / "backup.sqlite"))
    assert (found["file"], found["head"]["number"]) == (str(keyboard.directory / "backup.sqlite"), 1)


def test_a_file_that_is_there_is_not_replaced(keyboard: Keyboard) -> None:
    answer = keyboard.type("records", "backup", str(keyboard.config))
    assert (answer.status, "name a new file" in answer.complaint) == (1, True)
    assert "[state]" in keyboard.config.read_text("utf-8")


def test_the_schema_is_brought_up_to_date_and_told(keyboard: Keyboard) -> None:
    assert keyboard.type("records", "upgrade").output == f"The records have schema version {HEAD}.\n"
    assert keyboard.read("records", "upgrade") == {"schema_version": HEAD}


@pytest.mark.debian("postgresql")
def test_for_postgresql_the_lines_are_told_and_they_work(keyboard: Keyboard, postgres_url: str) -> None:
    with keyboard.config.open("a", encoding="utf-8") as file:
        file.write(f'[records]\nurl = "{postgres_url}"\n')
    assert keyboard.type("records", "upgrade").status == 0
    assert keyboard.type("accounts", "exempt", ANN, "--days", "1", "--reason", "meeting").status == 0
    backup = keyboard.directory / "backup"
    answer = keyboard.type("records", "backup", str(backup))
    assert answer.status == 1
    run(answer.complaint.splitlines()[1])
    assert keyboard.type("accounts", "unexempt", ANN).status == 0
    answer = keyboard.type("records", "restore", str(backup))
    assert answer.status == 1
    run(answer.complaint.splitlines()[1])
    assert keyboard.read("accounts", "show", ANN)["standing"] == "exempt"
    assert keyboard.type("audit", "verify").status == 0


def run(complaint: str) -> None:
    program, *arguments = shlex.split(complaint.removeprefix("detector: "))
    subprocess.run([str(programs() / program), *arguments], check=True)
