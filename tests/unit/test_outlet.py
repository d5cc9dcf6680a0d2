"""The log is written to a pipe whose reader stands still, reads again, or has gone; whoever writes never waits."""

import os
from collections.abc import Iterator

import pytest

from detector.outlet import MOST_BYTES, Outlet

LINE = b"x" * 999 + b"\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def loss(number: int) -> bytes:
    return b"lost %d\n" % number


def read_to_the_loss(end: int) -> list[bytes]:
    """All lines that are told up to the one that tells how many are lost; nobody writes another one."""
    told = b""
    while not (told.endswith(b"\n") and told.splitlines()[-1].startswith(b"lost ")):
        told += os.read(end, 65_536)
    return told.splitlines(keepends=True)


def test_what_is_read_at_once_is_there_at_once(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1], loss)
    outlet.write(LINE)
    assert os.read(pipe[0], 65_536) == LINE


def test_a_line_that_is_longer_than_a_piece_arrives_whole(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1], loss)
    outlet.write(b"y" * 10_000 + b"\n")
    assert os.read(pipe[0], 65_536) == b"y" * 10_000 + b"\n"


def test_who_does_not_read_holds_nobody_up_and_hears_later_what_was_told_and_how_much_was_lost(
    pipe: tuple[int, int],
) -> None:
    outlet = Outlet(pipe[1], loss)
    lines = 2 * MOST_BYTES // len(LINE)
    for _ in range(lines):
        outlet.write(LINE)
    *arrived, lost = read_to_the_loss(pipe[0])
    assert set(arrived) == {LINE}
    assert len(arrived) >= MOST_BYTES // len(LINE)
    assert lost == b"lost %d\n" % (lines - len(arrived))


def test_a_reader_who_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    outlet = Outlet(writer, loss)
    os.close(reader)
    outlet.write(LINE)
    outlet.flush()
    assert outlet._waiting_bytes == len(LINE)
    os.close(writer)
