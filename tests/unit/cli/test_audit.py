"""`detector audit` as an operator types it."""

import sqlite3

import pytest

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


def test_the_head_is_one_line_to_be_kept_elsewhere(keyboard: Keyboard) -> None:
    answer = keyboard.type("audit", "head")
    assert answer.output.startswith("1:")
    assert len(answer.output) == len("1:") + 64 + 1
    assert keyboard.read("audit", "head")["number"] == 2
    assert keyboard.read("audit", "list")[0]["subject"] == ""


def test_a_log_is_compared_with_a_head_that_was_kept(keyboard: Keyboard) -> None:
    kept = keyboard.type("audit", "head").output.strip()
    assert keyboard.type("audit", "verify", "--expect", kept).status == 0
    other = f"1:{'0' * 64}"
    answer = keyboard.type("audit", "verify", "--expect", other)
    assert answer.status == 1
    assert "audit entry 1 is not the one that was expected" in answer.complaint
    assert "audit entry 99 is missing" in keyboard.type("audit", "verify", "--expect", f"99:{'0' * 64}").complaint


@pytest.mark.parametrize("wrong", ["1", "1:abc", "x:" + "0" * 64, "9f86d081"])
def test_what_is_no_head_is_refused_before_anything_is_read(keyboard: Keyboard, wrong: str) -> None:
    answer = keyboard.type("audit", "verify", "--expect", wrong)
    assert answer.status == 2
    assert "detector audit head" in answer.complaint
    assert keyboard.read("audit", "head")["number"] == 1
