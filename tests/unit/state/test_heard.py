"""Answers are kept once and in their order, survive, and are forgotten in time."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.ports import Temporary
from detector.state.heard import KNOWN_FOR, NUMBERS_A_SECOND, Heard, pack, unpack
from detector.traffic.clock import DAY
from detector.verdict.answer import Answer, Kind, Share

NOW = 1.79e9
KEEP = 10 * DAY


def answer(number: int, account: str = "ann", at: float = NOW) -> Answer:
    return Answer(account, f"t{number}", b"8octets1", Kind.REFUSED, at)


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    opened = Heard(tmp_path / "heard.sqlite", KEEP)
    yield opened
    opened.close()


@given(
    st.builds(
        Answer,
        st.text(max_size=8) | st.just("\udcff\x00ä"),
        st.text("0123456789abcdef", max_size=16),
        st.binary(max_size=8),
        st.sampled_from(Kind),
        st.floats(min_value=0, max_value=4e9),
        st.sampled_from(Stream),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.sampled_from(Share),
    )
)
def test_what_is_packed_comes_back(one: Answer) -> None:
    assert unpack(pack(one)) == one


def test_an_answer_that_was_kept_before_reports_were_told_apart_is_read() -> None:
    old = b'["ann", "t1", "386f637465747331", "refused", 1.5, "personal", true, false, true]'
    assert unpack(old) == Answer("ann", "t1", b"8octets1", Kind.REFUSED, 1.5, first_time=True, weak=True)


def test_of_reports_about_one_transaction_one_is_evidence_also_after_a_restart(tmp_path: Path, heard: Heard) -> None:
    one = replace(answer(1), first_time=True, reported=True)
    reports = [replace(one, recipient=b"octets %d" % number) for number in range(4)]
    first = heard.add(reports[:2], NOW)
    assert [one.share for _, one in first] == [Share.ALL, Share.SLOWS]
    assert heard.since(NOW) == first
    heard.close()
    again = Heard(tmp_path / "heard.sqlite", KEEP)
    assert [one.share for _, one in again.add(reports, NOW + 1)] == [Share.SLOWS, Share.SLOWS]
    again.close()


def test_each_answer_is_new_once(heard: Heard) -> None:
    first = heard.add([answer(1), answer(2), answer(1)], NOW)
    assert [one for _, one in first] == [answer(1), answer(2)]
    assert heard.add([answer(2), answer(3)], NOW + 5) == [(heard.since(NOW)[-1][0], answer(3))]
    assert heard.add([answer(1)], NOW + 5) == []


def test_a_weak_answer_is_no_news_after_a_better_one_and_hides_none(heard: Heard) -> None:
    weak, sure = replace(answer(1), weak=True), answer(1)
    assert [one.share for _, one in heard.add([weak, weak], NOW)] == [Share.SLOWS]
    assert [one.share for _, one in heard.add([sure], NOW)] == [Share.EVIDENCE]
    assert heard.add([weak, sure], NOW) == []
    heard.add([answer(2)], NOW)
    assert heard.add([replace(answer(2), weak=True)], NOW) == []


def test_numbers_only_grow_and_are_the_order(heard: Heard) -> None:
    numbers = [number for at in (NOW, NOW - 900.0, NOW + 1) for number, _ in heard.add([answer(int(at))], at)]
    assert numbers == sorted(set(numbers))
    assert [number for number, _ in heard.since(0.0)] == numbers


def test_what_was_added_is_there_after_the_end_of_the_process(tmp_path: Path, heard: Heard) -> None:
    added = heard.add([answer(1)], NOW)
    other = Heard(tmp_path / "heard.sqlite", KEEP)
    assert other.since(NOW) == added
    assert other.add([answer(1)], NOW) == []
    other.close()


def test_a_file_begun_anew_goes_on_above_the_old_numbers(tmp_path: Path, heard: Heard) -> None:
    ((before, _),) = heard.add([answer(1)], NOW)
    heard.close()
    (tmp_path / "heard.sqlite").unlink()
    ((after, _),) = Heard(tmp_path / "heard.sqlite", KEEP).add([answer(2)], NOW + 1.0)
    assert after > before
    assert after < 2**40
    assert NUMBERS_A_SECOND * 4294967295 < 2**40


def test_after_a_day_nobody_is_known_by_what_is_left_and_it_still_counts_once(tmp_path: Path, heard: Heard) -> None:
    heard.add([answer(1, "ann@example.org")], NOW)
    heard.tidy(NOW + KNOWN_FOR + 1)
    assert heard.since(0.0) == []
    assert heard.add([answer(1, "ann@example.org")], NOW + 2 * DAY) == []
    heard.close()
    assert b"ann@example.org" not in (tmp_path / "heard.sqlite").read_bytes()


def test_in_the_end_all_is_forgotten(heard: Heard) -> None:
    heard.add([answer(1)], NOW)
    heard.tidy(NOW + KEEP + 1)
    assert [one for _, one in heard.add([answer(1)], NOW + KEEP + 1)] == [answer(1)]


def test_what_came_for_an_account_that_is_erased_is_not_learned_again(heard: Heard) -> None:
    heard.add([answer(1, "ann"), answer(2, "bob"), answer(3, 'ann", x'), answer(4, "ann", NOW + 9)], NOW)
    heard.forget("ann", NOW)
    assert [one.account for _, one in heard.since(0.0)] == ["bob", 'ann", x', "ann"]


def test_what_is_forgotten_is_overwritten_while_others_go_on(heard: Heard, tmp_path: Path) -> None:
    heard.add([answer(1, "secret"), answer(2, "bob")], NOW)
    assert any(b"secret" in one.read_bytes() for one in tmp_path.iterdir())
    heard.forget("secret", NOW)
    assert not any(b"secret" in one.read_bytes() for one in tmp_path.iterdir())
    with closing(sqlite3.connect(tmp_path / "heard.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM rows").fetchall()
        with pytest.raises(Temporary, match="somebody reads"):
            heard.forget("bob", NOW)


def test_a_disk_that_fails_is_told_and_a_damaged_file_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "heard.sqlite"
    path.mkdir()
    heard = Heard(path, KEEP)
    with pytest.raises(Temporary, match=r"heard\.sqlite"):
        heard.add([answer(1)], NOW)
    path.rmdir()
    path.write_bytes(b"garbage" * 1000)
    assert len(heard.add([answer(1)], NOW)) == 1
    assert path.with_name("heard.sqlite.corrupt-1").exists()
    heard.close()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_directory_that_was_replaced_is_not_written(tmp_path: Path) -> None:
    directory, moved = tmp_path / "state", tmp_path / "moved"
    directory.mkdir()
    heard = Heard(directory / "heard.sqlite", KEEP)
    heard.add([answer(1)], NOW)
    directory.rename(moved)
    directory.mkdir()
    with pytest.raises(Temporary, match="was removed or replaced"):
        heard.add([answer(2)], NOW)
    assert not any(directory.iterdir())
    directory.rmdir()
    moved.rename(directory)
    (_, known), *_ = heard.since(0.0)
    assert known == answer(1)
    (directory / "heard.sqlite").unlink()
    with pytest.raises(Temporary, match=r"heard\.sqlite was removed or replaced"):
        heard.add([answer(3)], NOW)
    heard.close()
