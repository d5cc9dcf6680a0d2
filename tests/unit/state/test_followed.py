"""Positions of logs and what was told of them change together."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.mail.delivery import Delivery, DeliveryStatus
from detector.ports import Temporary
from detector.state import followed
from detector.state.followed import KEEP_TIME, Followed

NOW = 1_772_700_000.0


def delivery(name: str) -> Delivery:
    return Delivery("ann", "t", b"r", DeliveryStatus.BOUNCED, "5.1.1", "no", None, NOW, "log", name.encode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "followed.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Followed]:
    store = Followed(path)
    yield store
    store.close()


def test_a_log_that_was_never_read_has_no_position(store: Followed) -> None:
    assert store.position("log") == ""


def test_a_position_is_found_by_the_next_process(store: Followed, path: Path) -> None:
    store.move_on("log", "17 \udcff", [], NOW)
    store.move_on("other", "4", [], NOW)
    store.move_on("log", "18 \udcff", [], NOW)
    assert Followed(path).position("log") == "18 \udcff"


def test_what_was_told_is_no_news_any_more(store: Followed, path: Path) -> None:
    assert store.news([delivery("a"), delivery("b"), delivery("a")]) == [delivery("a"), delivery("b")]
    store.move_on("log", "17", [delivery("a")], NOW)
    assert Followed(path).news([delivery("a"), delivery("b")]) == [delivery("b")]


def test_a_position_that_cannot_be_written_leaves_what_was_told_untold(store: Followed, path: Path) -> None:
    store.move_on("log", "17", [], NOW)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Temporary, match="locked"):
        store.move_on("log", "18", [delivery("a")], NOW)
    other.close()
    assert store.position("log") == "17"
    assert store.news([delivery("a")]) == [delivery("a")]
    store.move_on("log", "18", [delivery("a")], NOW)
    assert store.news([delivery("a")]) == []


def test_what_was_told_long_ago_is_forgotten_and_the_position_is_not(
    store: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed, "FORGET_EVERY", 1)
    store.move_on("log", "17", [delivery("a")], NOW)
    store.move_on("other", "1", [delivery("b")], NOW + KEEP_TIME + 1)
    assert store.news([delivery("a"), delivery("b")]) == [delivery("a")]
    assert store.position("log") == "17"


def test_only_the_newest_are_kept(store: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "FORGET_EVERY", 1)
    monkeypatch.setattr(followed, "KEEP_COUNT", 2)
    for number in range(4):
        store.move_on("log", "17", [delivery(str(number))], NOW + number)
    assert store.news([delivery(str(number)) for number in range(4)]) == [delivery("0"), delivery("1")]


def test_a_damaged_file_is_set_aside_and_begun_anew(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    store = Followed(path)
    assert store.position("log") == ""
    store.move_on("log", "17", [], NOW)
    assert store.position("log") == "17"
    assert list(path.parent.glob("followed.sqlite.corrupt-*"))
    store.close()


def test_a_disk_that_fails_is_somebody_elses_turn(tmp_path: Path) -> None:
    store = Followed(tmp_path / "missing" / "followed.sqlite")
    with pytest.raises(Temporary):
        store.position("log")
