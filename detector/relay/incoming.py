"""A message on its way in: from the client's octets to memory and disk, with the client held back when disk is slow."""

import asyncio

from detector import log
from detector.mail.reply import Reply
from detector.relay import replies
from detector.relay.body import DISK_TIME, Body, Spool
from detector.relay.body_reader import BodyReader

REST = 0.01
"""Seconds between two looks into the rest of a message that is refused already: nobody else is to wait for that."""


class Incoming:
    """Fed by the connection, awaited by the DATA command."""

    def __init__(self, transport: asyncio.Transport, reader: BodyReader, spool: Spool, memory_bytes: int) -> None:
        self._transport = transport
        self._reader = reader
        self._spool = spool
        self._memory_bytes = memory_bytes
        self._grew: asyncio.Future[None] | None = None
        self._paused = False

    @property
    def complete(self) -> bool:
        return self._reader.complete

    def feed(self, octets: bytes) -> bytes:
        """Take octets; give back what follows the message."""
        rest = self._reader.feed(octets)
        if self._enough:
            if self._grew is not None and not self._grew.done():
                self._grew.set_result(None)
            if not self.complete:
                self._pause()
        elif self._reader.problem is not None:
            self._pause()
            asyncio.get_running_loop().call_later(REST, self._resume)
        return rest

    async def message(self) -> Body | Reply:
        """Wait for the end: the message, or the reply that refuses it."""
        reader = self._reader
        try:
            while not (reader.complete and not reader.pending_bytes):
                await self._more()
                await self._store()
            if reader.problem is None:
                return self._spool.body(reader)
        except BaseException:
            self._spool.discard()
            raise
        self._spool.discard()
        return reader.problem

    @property
    def _enough(self) -> bool:
        return self._reader.complete or self._reader.pending_bytes > self._memory_bytes

    async def _more(self) -> None:
        """Until the message is complete, or there is enough of it to go to disk."""
        self._resume()
        if not self._enough:
            self._grew = asyncio.get_running_loop().create_future()
            await self._grew

    async def _store(self) -> None:
        if self._spool.empty:
            self._spool.begin(self._reader.take())
        elif self._reader.pending_bytes:
            try:
                await self._spool.add(self._reader.take())
            except OSError as error:  # TimeoutError is one
                log.spool_failed(str(error) or f"no answer within {DISK_TIME:g} s")
                self._reader.refuse(replies.NO_STORAGE)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
