"""Held messages on their way to their files, written by a thread of their own: a disk may take for ever, nobody may."""

import errno
from collections.abc import AsyncIterable
from contextlib import suppress
from functools import partial

from detector.ports import Temporary
from detector.relay.body import DISK_TIME
from detector.relay.held_files import HeldFiles, HeldWriter
from detector.state.aside import Aside

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class CannotHold(Exception):
    """The reason is a label of a metric."""

    def __init__(self, reason: str, problem: str = "") -> None:
        super().__init__(problem)
        self.reason = reason


class Filing:
    """All methods raise `CannotHold`, within `DISK_TIME` after the disk has stopped to answer, and then at once.

    What the disk does later, when it answers again, is undone at once: the client has heard that we did not take it.
    """

    def __init__(self, files: HeldFiles) -> None:
        self._files = files
        self._disk = Aside("writing held mail", lambda _: None, DISK_TIME)

    async def check_room(self, size_bytes: int, least_free_bytes: int) -> None:
        """Whether so much is still free with the message."""
        try:
            free = await self._disk.do(lambda: self._files.free_bytes)
        except (OSError, Temporary) as error:
            raise CannotHold("disk", str(error)) from error
        if free - size_bytes < least_free_bytes:
            raise CannotHold("disk_full", f"only {free} octets are free in {self._files.directory}")

    async def file(self, message_id: str, chunks: AsyncIterable[bytes]) -> None:
        """It survives a power failure when this returns; and nothing of it stays when this fails."""
        draft = _Draft(self._files, message_id)
        try:
            async for octets in chunks:
                await self._disk.do(partial(draft.write, octets))
            await self._disk.do(draft.commit)
        except BaseException as error:
            with suppress(Temporary):
                await self._disk.in_any_case(draft.take_back)
            if isinstance(error, OSError):  # TimeoutError is one: reading what was spooled took too long
                reason = "disk_full" if error.errno in NO_SPACE else "disk"
                words = error.strerror or str(error) or "no answer"
                raise CannotHold(reason, f"{self._files.directory}: {words}") from error
            if isinstance(error, Temporary):
                raise CannotHold("disk", f"{self._files.directory}: {error}") from error
            raise

    async def erase(self, message_id: str) -> None:
        """The file of a message that we have twice. If it cannot be erased now, the next start finds it."""
        with suppress(Temporary, OSError):
            await self._disk.in_any_case(lambda: self._files.erase([message_id]))


class _Draft:
    """One file; for the thread."""

    def __init__(self, files: HeldFiles, message_id: str) -> None:
        self._files = files
        self._message_id = message_id
        self._writer: HeldWriter | None = None

    def write(self, octets: bytes) -> None:
        if self._writer is None:
            self._writer = self._files.create(self._message_id)
        self._writer.write(octets)

    def commit(self) -> None:
        if self._writer is not None:
            self._writer.commit()

    def take_back(self) -> None:
        if self._writer is not None:
            self._writer.abort()
            self._files.erase([self._message_id])  # it may have been complete when nobody waited any more
