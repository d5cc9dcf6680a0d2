"""A message between 354 and its end mark: found, checked, bounded in memory, and kept octet for octet as it came."""

import asyncio
import errno
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, cast

import numpy as np

from detector.relay.body_reader import END, BodyReader
from detector.relay.outbox import Octets

READ_BYTES = 262_144
MOST_AT_ONCE = 1000  # pieces that the system writes in one call: no fewer than 1024 (IOV_MAX) on Linux
ONE_PIECE_BYTES = 65_536  # more is not copied once more to stand in one piece
DISK_TIME = 10.0  # seconds for a piece of a message; a disk that takes longer is as good as full


class Body:
    """A complete message: `head` in memory, the rest, if any, in a nameless file that dies with the process.

    `size_bytes` counts the octets without the end mark. Both parts are dot-stuffed and end with the end mark; unless
    it is `dotted` no other line begins with a dot.
    """

    def __init__(
        self, head: bytes, file: IO[bytes] | None, size_bytes: int, closed: Callable[[int], None], dotted: bool = True
    ) -> None:
        self.head = head
        self.size_bytes = size_bytes
        self.dotted = dotted
        self._file = file
        self._closed = closed

    def below(self, top: bytes, section_bytes: int) -> bytes | tuple[Octets, ...] | AsyncIterator[Octets]:
        """The octets to send on: `top` in place of the first `section_bytes`; a small message in one piece."""
        if self._file is None and len(self.head) <= ONE_PIECE_BYTES:
            return top + self.head[section_bytes:]
        in_memory = top, memoryview(self.head)[section_bytes:]
        return in_memory if self._file is None else self._with_file(in_memory)

    async def chunks(self, head: bytes) -> AsyncIterator[bytes]:
        """The octets to send on, beginning with `head` in place of our own. Raises `OSError`."""
        async for octets in self._with_file((head,)):
            yield bytes(octets)

    async def _with_file(self, in_memory: tuple[Octets, ...]) -> AsyncIterator[Octets]:
        for octets in in_memory:
            yield octets
        async for chunk in self._on_disk():
            yield chunk

    async def _on_disk(self) -> AsyncIterator[Octets]:
        if self._file is None:
            return
        number, at = self._file.fileno(), 0
        end = self.size_bytes + len(END) - 2 - len(self.head)
        while at < end:
            chunk = _at_hand(number, at) or await _in_time(number, at)
            if not chunk:
                raise OSError(errno.EIO, "the file of a message has lost its end")
            at += len(chunk)
            yield chunk

    def close(self) -> None:
        if self._file is not None:
            asyncio.get_running_loop().run_in_executor(None, self._file.close)  # that frees it, in up to 100 ms
            self._file = None
            self._closed(self.size_bytes)


class Spool:
    """Takes over what a message has beyond its share of memory."""

    def __init__(self, directory: Path, opened: Callable[[int], None], closed: Callable[[int], None]) -> None:
        self._directory = directory
        self._opened = opened
        self._closed = closed
        self._head: bytes | None = None
        self._file: IO[bytes] | None = None
        self._write: asyncio.Future[IO[bytes]] | None = None

    @property
    def empty(self) -> bool:
        return self._head is None

    def begin(self, chunks: list[bytes]) -> None:
        """The first part stays in memory, as the head."""
        self._head = chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def add(self, chunks: list[bytes]) -> None:
        """All that follows goes to disk, written by a thread. Raises `OSError` when it is full or takes too long."""
        async with asyncio.timeout(DISK_TIME):
            loop = asyncio.get_running_loop()
            self._write = loop.run_in_executor(None, _written, self._directory, self._file, chunks)
            self._file = await asyncio.shield(self._write)

    def body(self, reader: BodyReader) -> Body:
        """The complete message; call it after the last part was added."""
        size_bytes = reader.size_bytes - 3
        if self._file is not None:
            self._opened(size_bytes)
        body = Body(self._head or b"", self._file, size_bytes, self._closed, reader.dotted)
        self._file = self._write = None
        return body

    def discard(self) -> None:
        self._head = self._file = None
        write, self._write = self._write, None
        if write is None:
            return
        if write.done():
            asyncio.get_running_loop().run_in_executor(None, _close_file, write)  # that frees it, in milliseconds
        else:  # a thread still writes: closed under its hands, its number could be another file's by then
            write.add_done_callback(_close_file)


def _at_hand(number: int, at: int) -> memoryview | None:
    """What the system has in memory of a file: nearly always all of it, as it was written just now."""
    octets = np.empty(READ_BYTES, np.uint8).data  # a bytearray would be filled with zeros before
    try:
        return octets[: os.preadv(number, [octets], at, os.RWF_NOWAIT)]
    except OSError:  # not at hand, or this file system does not tell
        return None


async def _in_time(number: int, at: int) -> bytes:
    """Raises `OSError` when the disk does not answer."""
    async with asyncio.timeout(DISK_TIME):
        return await asyncio.to_thread(os.pread, number, READ_BYTES, at)


def _written(directory: Path, file: IO[bytes] | None, chunks: list[bytes]) -> IO[bytes]:
    """The file, with the chunks behind what it has. Where it cannot take them it is closed."""
    # Nameless from the beginning: nothing is left behind by a crash, and nobody else can open it.
    file = file or _nameless_file(directory)
    try:
        _write_all(file, chunks)
    except BaseException:
        file.close()
        raise
    return file


def _write_all(file: IO[bytes], chunks: list[bytes]) -> None:
    for start in range(0, len(chunks), MOST_AT_ONCE):
        some = chunks[start : start + MOST_AT_ONCE]
        written = os.writev(file.fileno(), some)
        rest = memoryview(b"".join(some))[written:] if written < sum(map(len, some)) else b""
        while rest:
            rest = rest[file.write(rest) :]


def _close_file(written: asyncio.Future[IO[bytes]]) -> None:
    if not written.cancelled() and written.exception() is None:
        written.result().close()


def _nameless_file(directory: Path) -> IO[bytes]:
    return cast("IO[bytes]", tempfile.TemporaryFile(dir=directory, buffering=0))
