"""Sizes of what is kept, and room that is left."""

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from detector.cli.doctor_stores import examine_disks, examine_stores
from detector.cli.finding import Level
from detector.config import Config, parse
from detector.state.table import octets, open_for_writing

Usage = namedtuple("Usage", "total used free")


def config(directory: Path, more: str = "") -> Config:
    return parse(f'state.directory = "{directory}"\n{more}')


def test_each_file_and_directory_is_measured_and_stores_are_counted(tmp_path: Path) -> None:
    connection = open_for_writing(tmp_path / "profiles.sqlite")
    connection.executemany(
        "INSERT INTO rows (key, at, value) VALUES (?, 0, ?)", [(octets("ann"), b"x"), (b"ben", b"y")]
    )
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "a").write_bytes(b"x" * 100)
    (tmp_path / "held" / "b").write_bytes(b"x" * 50)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    part = examine_stores(config(tmp_path))
    connection.close()
    assert (part.facts["held_bytes"], part.facts["held files"], part.facts["profiles rows"]) == (150, 2, 2)
    assert int(part.facts["profiles.sqlite_bytes"]) > 4096  # with what the journal has
    assert not [name for name in part.facts if "-wal" in name or "gone" in name]


def test_directories_elsewhere_are_measured_too(tmp_path: Path) -> None:
    state, spool = tmp_path / "state", tmp_path / "spool-elsewhere"
    state.mkdir()
    spool.mkdir()
    (spool / "a").write_bytes(b"x" * 7)
    assert examine_stores(config(state, f'relay.spool_directory = "{spool}"')).facts["spool-elsewhere_bytes"] == 7


def test_a_store_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "joins.sqlite").write_bytes(b"no database at all" * 300)
    (finding,) = examine_stores(config(tmp_path)).findings
    assert (finding.level, finding.about) == (Level.PROBLEM, "joins")


def test_a_file_that_was_set_aside_is_a_hint(tmp_path: Path) -> None:
    (tmp_path / "profiles.sqlite.corrupt-1").write_bytes(b"x")
    (finding,) = examine_stores(config(tmp_path)).findings
    assert finding.level is Level.HINT
    assert "profiles.sqlite.corrupt-1" in finding.text


def test_a_state_directory_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (finding,) = examine_stores(config(tmp_path / "none")).findings
    assert finding.level is Level.PROBLEM
    assert "cannot be read: No such file or directory" in finding.text


@pytest.mark.parametrize(("free", "level"), [(1000, Level.PROBLEM), (2**30, Level.HINT)])
def test_little_room_is_told_before_and_after_it_hurts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * 2**30, 0, free))
    part = examine_disks(config(tmp_path))
    assert [one.level for one in part.findings] == [level]
    assert part.facts["state.directory_free_bytes"] == free
    assert len(part.facts) == 2  # the other directories are on the same disk


def test_a_disk_without_inodes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(tmp_path)
    few = os.statvfs_result((*real[:5], 1000, 0, 5, *real[8:]))
    monkeypatch.setattr(os, "statvfs", lambda _: few)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**40, 0, 2**39))
    assert "inodes" in examine_disks(config(tmp_path / "not-there-yet")).findings[0].text
