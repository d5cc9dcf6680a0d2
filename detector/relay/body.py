"""A message between 354 and its end mark: found, checked, bounded in memory, and kept octet for octet as it came."""

import asyncio
import errno
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, cast

import numpy as np

from detector.mail.reply import Reply
from detector.mail.search import find_by
from detector.relay import replies
from detector.relay.outbox import Octets

END = b"\r\n.\r\n"
CR, LF = 13, 10
READ_BYTES = 262_144
MOST_AT_ONCE = 1000  # pieces that the system writes in one call: no fewer than 1024 (IOV_MAX) on Linux
ONE_PIECE_BYTES = 65_536  # more is not copied once more to stand in one piece
DISK_TIME = 10.0  # seconds for a piece of a message; a disk that takes longer is as good as full
MANY_BYTES = 4_096  # numpy sees to more of them sooner
AT_ONCE_BYTES = 65_536  # what is made of more would be new pages from the system each time
IS_CR, IS_LF = bytes(octet == CR for octet in range(256)), bytes(octet == LF for octet in range(256))


class BodyReader:
    """Collects the octets after 354, still dot-stuffed, until the end mark CR LF . CR LF (RFC 5321 section 4.1.1.4).

    Only that mark ends a message. A bare CR or LF anywhere makes it refused (`problem`): a server further on might
    see an end where we see none (SMTP smuggling). After a problem the rest is read and thrown away.
    """

    def __init__(self, size_limit_bytes: int) -> None:
        self.problem: Reply | None = None
        self.complete = False
        self.size_bytes = 0
        self.pending_bytes = 0
        self._size_limit_bytes = size_limit_bytes + len(END) - 2
        self._chunks: list[bytes] = []
        self._tail = b"\r\n"  # the line end of the DATA command: "." may stand alone at once
        self._after_cr = False

    def feed(self, octets: bytes) -> bytes:
        """Take octets from the connection; give back those behind the end mark, for the next command."""
        end = self._end_in(octets)
        if end >= 0:
            octets, rest = octets[:end], octets[end:]
            self.complete = True
        else:
            rest = b""
            self._tail = (self._tail + octets[-4:])[-4:]
        self.size_bytes += len(octets)
        self._check(octets)
        if self.problem is None:
            self._chunks.append(octets)
            self.pending_bytes += len(octets)
        return rest

    def take(self) -> list[bytes]:
        """What has been collected and not yet taken, the end mark included."""
        taken, self._chunks = self._chunks, []
        self.pending_bytes = 0
        return taken

    def refuse(self, problem: Reply) -> None:
        """Keep nothing more; the rest is only read to find its end."""
        self.problem = self.problem or problem
        self._chunks.clear()
        self.pending_bytes = 0

    def _end_in(self, octets: bytes) -> int:
        # The end mark may lie across two chunks: look at the seam first, then inside the chunk.
        seam = self._tail + octets[:4]
        at = seam.find(END)
        if at >= 0:
            return at + len(END) - len(self._tail)
        at = find_by(b".", END, octets)
        return at + len(END) if at >= 0 else -1

    def _check(self, octets: bytes) -> None:
        if not octets or self.problem is not None:
            return
        paired = _all_paired_in_many if len(octets) > MANY_BYTES else _all_paired
        whole = paired(octets, self._after_cr)
        self._after_cr = octets[-1] == CR
        if not whole:
            self.refuse(replies.BARE_LINE_END)
        elif self.size_bytes > self._size_limit_bytes:
            self.refuse(replies.TOO_LARGE)


def _all_paired(octets: bytes, after_cr: bool) -> bool:
    """Whether no CR or LF stands alone; a CR at the very end still may be followed by its LF."""
    carriage_returns, line_feeds = octets.translate(IS_CR), octets.translate(IS_LF)
    return line_feeds[0] == after_cr and carriage_returns[:-1] == line_feeds[1:]


def _all_paired_in_many(octets: bytes, after_cr: bool) -> bool:
    values = np.frombuffer(octets, np.uint8)
    for start in range(0, len(values), AT_ONCE_BYTES):
        some = values[start : start + AT_ONCE_BYTES]
        carriage_returns, line_feeds = some == CR, some == LF
        # Octets are compared sooner than numpy's truth values.
        if line_feeds[0] != after_cr or not line_feeds.tobytes().endswith(carriage_returns[:-1].data):
            return False
        after_cr = carriage_returns[-1]
    return True


class Body:
    """A complete message: `head` in memory, the rest, if any, in a nameless file that dies with the process.

    `size_bytes` counts the octets without the end mark. Both parts are dot-stuffed and end with the end mark.
    """

    def __init__(self, head: bytes, file: IO[bytes] | None, size_bytes: int, closed: Callable[[int], None]) -> None:
        self.head = head
        self.size_bytes = size_bytes
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
        body = Body(self._head or b"", self._file, size_bytes, self._closed)
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
