"""Rows that are found by how their values begin."""

from pathlib import Path

import pytest

from detector.state import by_beginning
from detector.state.by_beginning import keys_of_values
from detector.state.table import open_for_writing

INSERT = "INSERT INTO rows (key, at, value) VALUES (?, 1.0, ?)"


def test_values_are_found_by_how_they_begin(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    assert keys_of_values(path, [b"ann"]) == []
    connection = open_for_writing(path)
    rows = [(b"1", b"ann, x"), (b"2", b"anna"), (b"\xff", b"ann, "), (b"4", b"")]
    connection.executemany(INSERT, rows)
    connection.close()
    assert keys_of_values(path, [b"ann, "]) == ["1", "\udcff"]
    assert sorted(keys_of_values(path, [b"anna", b"ann, x", b"bob"])) == ["1", "2"]
    assert keys_of_values(path, []) == []


def test_more_beginnings_than_fit_into_a_statement_are_asked_for_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_beginning, "BEGINNINGS", 2)
    path = tmp_path / "rows.sqlite"
    connection = open_for_writing(path)
    connection.executemany(INSERT, [(b"%d" % number, b"account%d, x" % number) for number in range(12)])
    connection.close()
    some = [b"account%d, " % number for number in range(1, 12)]
    assert sorted(map(int, keys_of_values(path, some))) == list(range(1, 12))
