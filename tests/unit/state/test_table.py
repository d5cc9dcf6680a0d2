import sqlite3
import stat
from pathlib import Path

import pytest

from detector.ports import Temporary
from detector.state.table import (
    damaged,
    octets,
    open_for_reading,
    open_for_writing,
    stored_count,
    stored_keys,
    stored_value,
)

INSERT = "INSERT INTO rows (key, at, value) VALUES (?, 0, ?)"


def filled(path: Path, rows: int = 1) -> bytes:
    """A file with rows, closed; and its content."""
    connection = open_for_writing(path)
    connection.executemany(INSERT, [(octets(f"account{number}"), b"x" * 500) for number in range(rows)])
    connection.close()
    return path.read_bytes()


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    open_for_writing(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_stored_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    filled(path)
    open_for_writing(path).close()
    assert stored_value(path, "account0") == b"x" * 500
    assert stored_value(path, "account1") is None
    assert stored_keys(path) == ["account0"]


def test_rows_are_counted(tmp_path: Path) -> None:
    filled(tmp_path / "state.sqlite", 3)
    assert (stored_count(tmp_path / "state.sqlite"), stored_count(tmp_path / "none.sqlite")) == (3, 0)


def test_where_nothing_was_stored_nothing_is_found(tmp_path: Path) -> None:
    assert stored_keys(tmp_path / "missing.sqlite") == []
    assert stored_value(tmp_path / "missing.sqlite", "ann") is None
    assert not (tmp_path / "missing.sqlite").exists()
    (tmp_path / "empty.sqlite").touch()
    assert open_for_reading(tmp_path / "empty.sqlite") is None


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    filled(path)
    reader = open_for_reading(path)
    assert reader is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute(INSERT, (b"ann", b""))
    reader.close()


def test_a_file_that_is_no_database_is_kept_aside_and_a_new_one_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state.sqlite"
    for number in (1, 2):
        path.write_bytes(b"no database %d" % number * 1000)
        open_for_writing(path).close()
        kept = tmp_path / f"state.sqlite.corrupt-{number}"
        assert kept.read_bytes() == b"no database %d" % number * 1000
        assert stored_keys(path) == []
    told = capsys.readouterr().out
    assert told.count("state_set_aside") == 2
    assert "state.sqlite.corrupt-2" in told


def test_a_file_that_was_cut_off_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    content = filled(path, rows=100)
    path.write_bytes(content[: len(content) // 3])
    open_for_writing(path).close()
    assert (tmp_path / "state.sqlite.corrupt-1").read_bytes() == content[: len(content) // 3]
    assert stored_keys(path) == []


def test_a_damaged_file_cannot_be_read_for_the_time_being(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(Temporary, match=r"state\.sqlite: cannot be read: file is not a database"):
        stored_value(path, "ann")
    with pytest.raises(Temporary):
        stored_keys(path)


def test_a_missing_directory_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_for_writing(tmp_path / "missing" / "state.sqlite")
    assert not damaged(sqlite3.OperationalError("an error of the module, without a code"))
