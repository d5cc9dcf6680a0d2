"""`detector audit` as an operator types it."""

import sqlite3

from tests.unit.cli.conftest import Keyboard


def test_looks_are_listed_newest_first(keyboard: Keyboard) -> None:
    keyboard.type("incidents", "list")
    entries = keyboard.read("audit", "list")
    assert [entry["action"] for entry in entries] == ["look at audit log", "look at incidents"]
    assert "look at incidents" in keyboard.type("audit", "list").output


def test_an_unchanged_log_is_said_to_be_so_with_its_last_hash(keyboard: Keyboard) -> None:
    keyboard.type("incidents", "list")
    answer = keyboard.read("audit", "verify")
    assert answer["entries"] == 2
    assert len(answer["hash"]) == 64
    assert "3 entries are unchanged" in keyboard.type("audit", "verify").output


def test_one_entry_is_told_in_the_singular(keyboard: Keyboard) -> None:
    assert keyboard.type("audit", "verify").output.startswith("1 entry is unchanged.")


def test_a_changed_log_is_found(keyboard: Keyboard) -> None:
    keyboard.type("incidents", "list")
    connection = sqlite3.connect(keyboard.directory / "state" / "records.sqlite")
    connection.execute("UPDATE audit SET actor = 'nobody'")
    connection.commit()
    connection.close()
    answer = keyboard.type("audit", "verify")
    assert answer.status == 1
    assert "audit entry 1 was changed" in answer.complaint
