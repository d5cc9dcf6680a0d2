from pathlib import Path

import pytest

from detector.ports import Temporary
from detector.response.held_ids import HeldIds


def test_ids_are_kept_by_account_until_they_are_forgotten(tmp_path: Path) -> None:
    held = HeldIds(tmp_path / "queue")
    held.add("ann", {"A1B2C3"})
    held.add("ann", {"D4E5F6"})
    held.add("bob/../x", {"000000"})
    again = HeldIds(tmp_path / "queue")
    assert again.of("Ann") == {"A1B2C3", "D4E5F6"}
    again.forget("ann")
    again.forget("ann")
    assert held.of("ann") == frozenset()
    assert held.of("bob/../x") == {"000000"}


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    HeldIds(tmp_path / "queue").add("ann", {"A1B2C3"})
    (file,) = (tmp_path / "queue").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    assert "ann" not in file.name


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"queue_ids": 1}'])
def test_a_damaged_file_is_not_taken_for_an_empty_one(tmp_path: Path, text: str) -> None:
    held = HeldIds(tmp_path)
    held.add("ann", {"A1B2C3"})
    next(tmp_path.iterdir()).write_text(text)
    with pytest.raises(Temporary, match="cannot be read"):
        held.add("ann", {"D4E5F6"})


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Temporary, match=r"cannot be (read|written)"):
        HeldIds(tmp_path / "file" / "queue").add("ann", {"A1B2C3"})
    (tmp_path / "queue").mkdir()
    blocked = HeldIds(tmp_path / "queue")
    blocked.add("ann", {"A1B2C3"})
    (file,) = (tmp_path / "queue").iterdir()
    file.unlink()
    file.mkdir()
    with pytest.raises(Temporary, match="cannot be removed"):
        blocked.forget("ann")


def test_a_check_looks_at_the_nearest_directory_there_is(tmp_path: Path) -> None:
    assert HeldIds(tmp_path / "state" / "queue").check() == ""
    (tmp_path / "state").touch()
    assert HeldIds(tmp_path / "state").check() == f"{tmp_path / 'state'} is not a directory that we can write to"
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]
