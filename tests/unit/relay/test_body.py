"""That not one octet of a message is lost on the way to disk and back."""

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

from detector.relay import body as body_module
from detector.relay.body import Body, Spool
from detector.relay.body_reader import BodyReader
from tests.support.ports import PATIENCE

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
            assert disk.wait(PATIENCE)
            freed.set()

    told: list[int] = []
    Body(b"", Slow(), 100_000_000, told.append).close()
    assert told == [100_000_000]
    assert not freed.is_set()
    disk.set()
    assert await asyncio.to_thread(freed.wait, PATIENCE)


async def test_a_file_is_closed_when_a_slow_disk_gives_it_and_nobody_wants_it_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = threading.Event()

    def opened(directory: Path) -> IO[bytes]:
        disk.wait(PATIENCE)
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
