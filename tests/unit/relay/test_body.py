"""Where a message ends, what makes it refused, and that not one octet is lost on the way to disk and back."""

import asyncio
import errno
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.relay import body as body_module
from detector.relay import replies
from detector.relay.body import AT_ONCE_BYTES, MANY_BYTES, Body, BodyReader, Spool

LINE = st.binary(max_size=30).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b""))
CUTS = st.lists(st.integers(0, 200))


def _feed(reader: BodyReader, octets: bytes, cuts: list[int]) -> bytes:
    start, rest = 0, b""
    for cut in [*sorted(min(cut, len(octets)) for cut in cuts), len(octets)]:
        piece = octets[start:cut]
        start = cut
        rest += piece if reader.complete else reader.feed(piece)
    return rest


@given(st.lists(LINE, max_size=12), CUTS)
def test_a_message_ends_at_its_first_lonely_dot_however_the_network_cuts_it(
    lines: list[bytes], cuts: list[int]
) -> None:
    stuffed = b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)
    reader = BodyReader(10_000)
    rest = _feed(reader, stuffed + b".\r\nRSET\r\n", cuts)
    assert (reader.complete, reader.problem, rest) == (True, None, b"RSET\r\n")
    assert b"".join(reader.take()) == stuffed + b".\r\n"
    assert reader.size_bytes == len(stuffed) + 3


@given(st.binary(max_size=120), CUTS)
def test_a_bare_line_end_is_found_however_the_network_cuts_it(octets: bytes, cuts: list[int]) -> None:
    octets = octets.replace(b"\r\n.\r\n", b"")
    bare = octets.replace(b"\r\n", b"")
    reader = BodyReader(10_000)
    _feed(reader, b"x" + octets + b"\r\n.\r\n", cuts)
    expected = replies.BARE_LINE_END if b"\r" in bare or b"\n" in bare else None
    assert reader.problem is expected


@given(
    st.lists(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"x"]), min_size=1, max_size=9), st.booleans()
)
def test_many_octets_are_looked_through_as_few_are(pieces: list[bytes], cut: bool) -> None:
    octets = b"".join(pieces)
    few, many, very_many = BodyReader(10_000_000), BodyReader(10_000_000), BodyReader(10_000_000)
    filler = b"y" * (AT_ONCE_BYTES - len(octets) // 2)
    for reader, more in ((few, b"y"), (many, b"y" * MANY_BYTES), (very_many, filler)):
        reader.feed(more + octets if cut else octets + more)
        reader.feed(octets + more)
        reader.feed(b"\r\n.\r\n")
    assert (few.problem, few.complete) == (many.problem, many.complete) == (very_many.problem, very_many.complete)


@pytest.mark.parametrize("smuggled", [b"x\n.\nMAIL", b"x\r.\rMAIL", b"x\n.\r\nMAIL", b"x\r\n.\nMAIL", b"x\r\n.\rMAIL"])
def test_other_ends_are_no_ends(smuggled: bytes) -> None:
    reader = BodyReader(10_000)
    assert reader.feed(smuggled) == b""
    assert not reader.complete
    assert reader.feed(b"\r\n.\r\n") == b""
    assert (reader.complete, reader.problem) == (True, replies.BARE_LINE_END)


@pytest.mark.parametrize(("size", "problem"), [(100, None), (101, replies.TOO_LARGE)])
def test_the_limit_counts_the_message_without_its_end_mark(size: int, problem: object) -> None:
    reader = BodyReader(100)
    reader.feed(b"x" * (size - 2) + b"\r\n.\r\n")
    assert reader.problem == problem


def test_a_refused_message_keeps_no_memory() -> None:
    reader = BodyReader(100)
    reader.feed(b"x" * 1000)
    assert (reader.pending_bytes, reader.take()) == (0, [])


PARTS = [bytes([65 + number]) * 300_000 for number in range(4)]


async def spooled(spool: Spool) -> Body:
    reader = BodyReader(10_000_000)
    for part in PARTS:
        reader.feed(part)
        if spool.empty:
            spool.begin(reader.take())
        else:
            await spool.add(reader.take())
    reader.feed(b"\r\n.\r\n")
    await spool.add(reader.take())
    return spool.body(reader)


def system(**replaced: object) -> SimpleNamespace:
    return SimpleNamespace(**{"preadv": os.preadv, "pread": os.pread, "writev": os.writev, "RWF_NOWAIT": 1, **replaced})


def no_memory(*_: object) -> int:
    raise OSError(errno.EOPNOTSUPP, "not supported")


def a_little(number: int, buffers: list[memoryview], at: int, flags: int) -> int:
    return os.preadv(number, [buffers[0][:100_000]], at) if flags else 0


@pytest.mark.parametrize("at_hand", [os.preadv, a_little, no_memory])
async def test_what_goes_to_disk_comes_back_in_order_however_much_of_it_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_hand: Callable[..., int]
) -> None:
    monkeypatch.setattr(body_module, "os", system(preadv=at_hand))
    told: list[tuple[str, int]] = []
    spool = Spool(tmp_path, lambda size: told.append(("opened", size)), lambda size: told.append(("closed", size)))
    body = await spooled(spool)
    assert b"".join([chunk async for chunk in body.chunks(body.head)]) == b"".join(PARTS) + b"\r\n.\r\n"
    assert body.size_bytes == 1_200_002
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240  nameless: nothing to find, nothing to clean up
    body.close()
    assert told == [("opened", 1_200_002), ("closed", 1_200_002)]


async def test_many_small_pieces_go_to_disk_also_when_it_takes_a_few_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "os", system(writev=lambda number, some: os.writev(number, some[:700])))
    spool, reader = Spool(tmp_path, lambda _: None, lambda _: None), BodyReader(10_000_000)
    spool.begin([b""])
    lines = [b"%d\r\n" % number for number in range(2500)]
    for line in lines:
        reader.feed(line)
    reader.feed(b".\r\n")
    await spool.add(reader.take())
    body = spool.body(reader)
    assert b"".join([chunk async for chunk in body.chunks(b"")]) == b"".join(lines) + b".\r\n"
    body.close()


async def test_a_file_that_has_lost_its_end_is_an_error_and_no_shorter_message(tmp_path: Path) -> None:
    body = await spooled(Spool(tmp_path, lambda _: None, lambda _: None))
    assert body._file is not None
    body._file.truncate(400_000)
    with pytest.raises(OSError, match="lost its end"):
        assert [chunk async for chunk in body.chunks(b"")] == []
    body.close()


async def test_nobody_waits_while_a_slow_disk_frees_the_file_of_a_message() -> None:
    disk, freed = threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def close(self) -> None:
            assert disk.wait(20.0)
            freed.set()

    told: list[int] = []
    Body(b"", Slow(), 100_000_000, told.append).close()
    assert told == [100_000_000]
    assert not freed.is_set()
    disk.set()
    assert await asyncio.to_thread(freed.wait, 20.0)


async def test_a_file_is_closed_when_a_slow_disk_gives_it_and_nobody_wants_it_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = threading.Event()

    def opened(directory: Path) -> IO[bytes]:
        disk.wait(60.0)
        return nameless_file(directory)

    nameless_file = body_module._nameless_file
    monkeypatch.setattr(body_module, "DISK_TIME", 0.05)
    monkeypatch.setattr(body_module, "_nameless_file", opened)
    spool = Spool(tmp_path, lambda _: None, lambda _: None)
    spool.begin([b"head"])
    with pytest.raises(TimeoutError):
        await spool.add([b"rest"])
    written = spool._write
    assert written is not None
    spool.discard()
    disk.set()
    file = await written
    await asyncio.sleep(0)
    assert file.closed
