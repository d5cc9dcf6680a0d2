"""Rows are on disk after each writing, and sooner or later where they are looked for."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from detector.state.table import stored_keys, stored_value
from detector.state.writer import MOST_ROWS, Row, Writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.sqlite"


def writer(path: Path, batches: int = 3) -> Writer[str]:
    return Writer(path, str.encode, batches)


def rows(**values: str | None) -> Mapping[str, Row[str]]:
    return {key: (0.0, value, ()) for key, value in values.items()}


def write(writer: Writer[str], *, sort: bool = False, **values: str | None) -> bool:
    return writer.write(rows(**values), {}, None, sort)


def test_the_last_of_so_many_writings_sorts_all_rows_into_the_table(path: Path) -> None:
    one = writer(path, batches=3)
    assert [write(one, ann="1"), write(one, bob="1", ann="2"), write(one, cid="1")] == [False, False, True]
    assert [stored_value(path, key) for key in ("ann", "bob", "cid")] == [b"2", b"1", b"1"]
    assert write(one, ann="3") is False
    assert stored_value(path, "ann") == b"2"
    one.close()


def test_where_one_writing_is_one_for_the_table_nothing_stands_in_batches(path: Path) -> None:
    one = writer(path, batches=1)
    assert write(one, ann="1") is True
    assert stored_value(path, "ann") == b"1"
    one.close()


def test_who_wants_it_sorted_has_it_so(path: Path) -> None:
    one = writer(path)
    write(one, ann="1")
    assert one.write({}, {}, None, True) is True
    assert stored_value(path, "ann") == b"1"
    one.close()


def test_many_rows_are_sorted_in_before_they_are_too_many(path: Path) -> None:
    one = writer(path, batches=100)
    assert write(one, ann="1") is False
    assert one.write(rows(**{f"account{number}": "1" for number in range(MOST_ROWS)}), {}, None, False) is True
    assert len(stored_keys(path)) == MOST_ROWS + 1
    one.close()


def test_what_a_process_that_died_has_left_in_batches_is_sorted_in_by_the_next(path: Path) -> None:
    died = writer(path)
    write(died, ann="1", bob="1")
    write(died, ann="2")
    died.give_up()
    assert stored_keys(path) == []
    writer(path).close()
    assert (stored_value(path, "ann"), stored_value(path, "bob")) == (b"2", b"1")


def test_marks_and_times_go_through_a_batch(path: Path) -> None:
    one = writer(path)
    one.write({"ann": (1.5, "1", (b"first", b"second"))}, {}, None, False)
    one.give_up()
    writer(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT at, mark_1, mark_2 FROM rows").fetchall() == [(1.5, b"first", b"second")]


def test_what_is_deleted_stands_nowhere_in_the_file_though_it_was_in_a_batch(path: Path) -> None:
    one = writer(path)
    write(one, ann="mail of ann " * 800)
    assert write(one, ann=None) is True
    assert one.erased is False
    assert b"mail of ann" not in path.read_bytes() + path.with_name("rows.sqlite-wal").read_bytes()
    one.close()
    assert stored_keys(path) == []


def test_rows_in_batches_are_forgotten_as_others(path: Path) -> None:
    one = writer(path)
    one.write({"old": (1.0, "1", ()), "new": (9.0, "1", ())}, {}, None, False)
    one.write({}, {}, (5.0, 10), False)
    assert stored_keys(path) == ["new"]
    one.close()


def test_a_batch_that_cannot_be_read_is_told_and_costs_no_other(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    died = writer(path)
    write(died, ann="1")
    write(died, bob="1")
    died.give_up()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE batches SET rows = CAST('damage' AS BLOB) WHERE number = 1")
        connection.commit()
    writer(path).close()
    assert stored_keys(path) == ["bob"]
    assert "state_unreadable" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["text", 5, 0.5, b"\x91\x95\xc4\x01k\xcb\x7f\xf8\0\0\0\0\0\0\xc4\x01v\xc0\xc0"])
def test_a_batch_that_became_something_else_keeps_the_file_from_nobody(path: Path, damage: object) -> None:
    died = writer(path)
    write(died, ann="1")
    write(died, bob="1")
    died.give_up()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE batches SET rows = ? WHERE number = 1", (damage,))
        connection.commit()
    writer(path).close()
    assert stored_keys(path) == ["bob"]


def test_a_key_of_half_a_character_keeps_no_other_from_the_disk(path: Path) -> None:
    one = writer(path)
    assert one.write(rows(**{"\ud800": "1", "ann": "1"}), {}, None, True) is True
    assert one.write(rows(**{"\ud800": None}), {}, None, True) is True
    assert stored_keys(path) == ["ann"]
    one.close()
