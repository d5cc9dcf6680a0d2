"""Who of several workers lives, and for which first process."""

import os
from pathlib import Path
from threading import Event, Thread

import pytest

from detector import roll as rolls
from detector.roll import Roll
from tests.support.ports import PATIENCE


def test_workers_live_while_one_of_them_keeps_its_descriptor(tmp_path: Path) -> None:
    roll = Roll(tmp_path)
    assert not roll.anybody()
    first, second = roll.enter(), roll.enter()
    assert roll.anybody()
    os.close(first)
    assert roll.anybody()
    os.close(second)
    assert not roll.anybody()


def test_the_last_name_holds_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    roll = Roll(tmp_path)
    with pytest.raises(FileNotFoundError):
        roll.holder()
    roll.take_over("a longer name")
    roll.take_over("short")
    assert roll.holder() == "short"
    assert (tmp_path / "workers").stat().st_mode & 0o777 == 0o600


def test_who_is_left_alone_goes_on_until_another_takes_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolls, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(rolls, "LOOKS_ALONE", 10**9)
    roll = Roll(tmp_path)
    roll.take_over("old")
    alone = Thread(target=roll.outlive, args=("old", Event()), daemon=True)
    alone.start()
    alone.join(0.05)
    assert alone.is_alive()
    roll.take_over("new")
    alone.join(PATIENCE)
    assert not alone.is_alive()


def test_who_is_left_alone_goes_on_until_it_is_told_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolls, "LOOKS_ALONE", 10**9)
    roll, told = Roll(tmp_path), Event()
    roll.take_over("old")
    told.set()
    roll.outlive("old", told)
    assert roll.holder() == "old"


def test_who_is_left_alone_does_not_go_on_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolls, "LOOK_EVERY", 0.0)
    roll = Roll(tmp_path)
    roll.take_over("old")
    roll.outlive("old", Event())
    assert roll.holder() == "old"


def test_without_its_directory_nobody_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolls, "LOOKS_ALONE", 10**9)
    roll = Roll(tmp_path / "gone")
    roll.outlive("old", Event())
    with pytest.raises(OSError, match="gone"):
        roll.anybody()
