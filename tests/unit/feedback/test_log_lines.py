"""A growing file is read in whole lines."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.feedback.log_lines import OpenLog, Position
from detector.replay.log_files import LINE_BYTES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\nthr")
    return path


@pytest.fixture
def opened(path: Path) -> Iterator[OpenLog]:
    opened = OpenLog.of(path)
    assert opened is not None
    yield opened
    opened.close()


def add(path: Path, octets: bytes) -> None:
    with path.open("ab") as file:
        file.write(octets)


def test_only_whole_lines_are_read(opened: OpenLog, path: Path) -> None:
    assert opened.lines(ended=False) == ([b"one", b"two"], 0)
    assert opened.lines(ended=False) == ([], 0)
    add(path, b"ee\n\nfive\n")
    assert opened.lines(ended=False) == ([b"three", b"", b"five"], 0)


def test_the_last_line_of_a_file_that_has_ended_needs_no_end(opened: OpenLog) -> None:
    opened.lines(ended=False)
    assert opened.lines(ended=True) == ([b"thr"], 0)
    assert opened.lines(ended=True) == ([], 0)


@pytest.mark.parametrize("size", [LINE_BYTES + 1, 300_000, 600_000])
def test_a_line_that_is_too_long_is_skipped_and_counted_once(path: Path, size: int) -> None:
    path.write_bytes(b"one\n" + b"x" * size + b"\ntwo\n")
    opened = OpenLog.of(path)
    assert opened is not None
    found = [opened.lines(ended=False) for _ in range(5)]
    opened.close()
    assert [line for lines, _ in found for line in lines] == [b"one", b"two"]
    assert sum(count for _, count in found) == 1


def test_a_long_line_that_still_grows_is_skipped_to_its_end(path: Path) -> None:
    path.write_bytes(b"x" * 100_000)
    opened = OpenLog.of(path)
    assert opened is not None
    assert opened.lines(ended=False) == ([], 1)
    add(path, b"x" * 10)
    assert opened.lines(ended=False) == ([], 0)
    add(path, b"x\ntwo\n")
    assert opened.lines(ended=False) == ([b"two"], 0)
    opened.close()


def test_a_position_is_where_another_process_goes_on(opened: OpenLog, path: Path) -> None:
    opened.lines(ended=False)
    position = Position.parse(str(opened.position()))
    assert position == opened.position()
    again = OpenLog.of(path)
    assert again is not None
    assert again.holds(opened.position())
    again.go_to(opened.position().offset)
    assert again.lines(ended=True) == ([b"thr"], 0)
    again.close()


@pytest.mark.parametrize("text", ["", "1 2 3", "1 2 x y", "1 2 3 4 5", "-1 2 3 4"])
def test_what_is_no_position_is_none(text: str) -> None:
    assert Position.parse(text) is None


def test_a_truncated_file_is_known_though_it_grew_beyond_what_was_read(opened: OpenLog, path: Path) -> None:
    opened.lines(ended=False)
    assert not opened.was_truncated()
    os.truncate(path, 0)
    assert opened.was_truncated()
    add(path, b"eleven\ntwelve\nthirteen\n")
    assert opened.was_truncated()
    opened.go_to(0)
    assert opened.lines(ended=False) == ([b"eleven", b"twelve", b"thirteen"], 0)


def test_a_copy_holds_what_the_file_held_and_another_file_does_not(opened: OpenLog, path: Path) -> None:
    opened.lines(ended=False)
    for content, holds in ((b"one\ntwo\nthree\n", True), (b"one\nTWO\nthree\n", False), (b"one\n", False)):
        other = path.with_name("other")
        other.write_bytes(content)
        copy = OpenLog.of(other)
        assert copy is not None
        assert copy.holds(opened.position()) is holds
        copy.close()


def test_a_file_of_which_nothing_was_read_is_known_by_its_inode_only(opened: OpenLog, path: Path) -> None:
    other = OpenLog.of(Path(__file__))
    assert other is not None
    assert opened.holds(opened.position())
    assert not other.holds(opened.position())
    other.close()


def test_what_cannot_be_followed_is_no_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "log.gz").write_bytes(b"\x1f\x8b\x08")
    assert [OpenLog.of(tmp_path / name) for name in ("missing", "pipe", "log.gz", ".")] == [None] * 4


@given(st.binary(max_size=300), st.lists(st.integers(1, 60), max_size=10))
def test_pieces_in_which_a_file_grows_make_no_difference(content: bytes, sizes: list[int]) -> None:
    descriptor = os.memfd_create("log")
    opened, found, start = OpenLog(descriptor), list[bytes](), 0
    for size in [*sizes, len(content)]:
        os.pwrite(descriptor, content[start : start + size], start)
        start += size
        found += opened.lines(ended=False)[0]
    found += opened.lines(ended=True)[0]
    opened.close()
    assert found == (content.removesuffix(b"\n").split(b"\n") if content else [])
