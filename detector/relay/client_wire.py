"""The octets of an SMTP connection to a server: replies that are waited for, time-outs, back-pressure, the end."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Literal, cast

from detector.config import HostPort
from detector.mail.reply import Reply
from detector.relay.outbox import Octets, Outbox
from detector.relay.reply_parser import MalformedReply, ReplyParser

Reason = Literal["connect", "tls", "timeout", "protocol", "lost"]
Replies = asyncio.Future[list[Reply]]
Observe = Callable[[str, float], None]
"""Is told a command and the seconds until its reply; GREETING and BODY stand for what is no command."""
RESTED_TIME = 20.0
"""Seconds until the first reply of a kept connection: its server may be dead (as smtp_rset_timeout of Postfix)."""


class NextHopError(Exception):
    """A next hop could not be reached or used; what became of the running transaction is unknown. For the log only."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason: Reason = reason


class ClientWire:
    """Matches replies to what they answer. A reply that nobody asked for ends the connection.

    Otherwise the next command would be answered by it, and each later one by the reply before: mail would be
    reported as delivered that is not. A 421 ends it too (RFC 5321 section 3.8) and is the answer to all that is open.
    """

    def __init__(self, server: HostPort, reply_time: float, observe: Observe | None = None) -> None:
        self.server = server
        self.failure: NextHopError | None = None
        self.farewell: Reply | None = None
        self.left = False
        self.usable = True
        self.rested = False  # kept for a while, and nothing was heard since
        self.outbox: Outbox | None = None  # none: what is written is sent at once
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport
        self._parser = ReplyParser()
        self._reply_time = reply_time
        self._observe = observe
        self._verbs: Sequence[str] = ()
        self._replies: list[Reply] = []
        self._waiter: Replies | None = None
        self._started = self._progress = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._room: asyncio.Future[None] | None = None
        self._connected = False
        self.greeting = self.expect(("GREETING",))

    @property
    def quiet(self) -> bool:
        """Usable, and nothing is under way."""
        return self.usable and self._waiter is None and not self._parser.in_reply

    def expect(self, verbs: Sequence[str]) -> Replies:
        """Wait from now on for a reply to each of them; call it before `write`. Raises `NextHopError`."""
        if not self.quiet:
            self._refuse_to_expect()
        self._verbs, self._replies = verbs, []
        self._started = self._progress = self._loop.time()
        if self._timer is None and self._connected:
            self._watch_in(self._reply_time)
        self._waiter = self._loop.create_future()
        return self._waiter

    def _refuse_to_expect(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("two callers use one connection")
        if self._parser.in_reply:
            self.fail("protocol", "a reply without a command")
        raise self.error()

    async def replies(self, expected: Replies) -> list[Reply]:
        """Raises `NextHopError`. If the caller is cancelled, its reply must not be taken for that of the next one."""
        try:
            return await expected
        except asyncio.CancelledError:
            self.close()
            raise

    def write(self, octets: Octets) -> None:
        if self.outbox is None:
            self._transport.write(octets)
        else:
            self.outbox.write(self._transport, octets)
        self._progress = self._loop.time()

    @property
    def unsent_bytes(self) -> int:
        """What was written and the system has not taken yet."""
        if self.outbox is None:
            return self._transport.get_write_buffer_size()
        return self.outbox.unsent_bytes(self._transport)

    async def room(self) -> None:
        """Wait while the write buffer is full; ends early when the reply, or the end, comes."""
        if self._room is not None:
            await self._room

    async def start_tls(self, context: ssl.SSLContext, handshake_time: float) -> None:
        """After the 220 to STARTTLS (RFC 3207). Raises `NextHopError`."""
        if not self.quiet:  # octets of a man in the middle would be taken for a reply under TLS
            self.fail("protocol", "more than a reply to STARTTLS")
            raise self.error()
        try:
            transport = await self._loop.start_tls(
                self._transport,
                cast("asyncio.Protocol", self),
                context,
                server_hostname=self.server.host,
                ssl_handshake_timeout=handshake_time,
            )
            if transport is None:
                raise ConnectionAbortedError("connection lost")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            # uvloop has called connection_lost before: the reason is known better here.
            self.failure, self.usable = NextHopError("tls", f"{self.server}: no TLS: {error}"), False
            self._end()
            raise self.error() from error
        self._transport = transport

    def leave(self, patience: float) -> None:
        """Say QUIT; the connection ends with the answer, at the latest after `patience` seconds."""
        self.left, self.usable = True, False
        self.write(b"QUIT\r\n")
        self._loop.call_later(patience, self._transport.abort)

    def close(self) -> None:
        """At once; what is not yet sent is never sent."""
        self.left, self.usable = True, False
        self._end()

    def fail(self, reason: Reason, text: str) -> None:
        if self.usable:
            awaited = f", waiting for the reply to {self._verbs[len(self._replies)]}" if self._waiter else ""
            self.failure, self.usable = NextHopError(reason, f"{self.server}: {text}{awaited}"), False
            self._end()

    def error(self) -> NextHopError:
        """Why the connection cannot be used."""
        if self.failure is not None:
            return NextHopError(self.failure.reason, str(self.failure))
        return NextHopError("lost", f"{self.server}: {self.farewell or 'closed by us'}")

    # -- called by the event loop --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connected = True
        self._watch_in(self._reply_time)  # not before: it may never come to this

    def data_received(self, data: bytes) -> None:
        if self.left:
            self._transport.close()
            return
        try:
            replies = self._parser.feed(data)
        except MalformedReply as error:
            self.fail("protocol", str(error))
            return
        for reply in replies:
            self._receive(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail("lost", f"connection lost: {exc}" if exc else "connection closed by the next hop")
        if self._timer is not None:
            self._timer.cancel()
        if not self.ended.done():
            self.ended.set_result(None)

    def eof_received(self) -> None:
        """The transport closes itself."""

    def pause_writing(self) -> None:
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        self._progress = self._loop.time()
        self._wake_writer()
        self._room = None

    def _watch(self) -> None:
        """One timer for all replies: it looks when something went on last, and waits for the rest."""
        self._timer = None
        if self._waiter is None:
            return
        most = min(RESTED_TIME, self._reply_time) if self.rested else self._reply_time
        rest = self._progress + most - self._loop.time()
        if rest <= 0:
            self.fail("timeout", f"nothing for {most:g} s")
        else:
            self._watch_in(rest)

    def _watch_in(self, rest: float) -> None:
        self._timer = self._loop.call_later(min(rest, RESTED_TIME), self._watch)

    # -- receiving --

    def _receive(self, reply: Reply) -> None:
        if not self.usable:
            return
        if reply.code == 421:
            self.farewell, self.usable = reply, False
            self._replies += [reply] * (len(self._verbs) - len(self._replies))
            self._answer()
            self._transport.abort()
        elif self._waiter is None:
            self.fail("protocol", f"a reply without a command: {reply}")
        elif reply.code // 100 == 3 and self._verbs[len(self._replies)] != "DATA":
            self.fail("protocol", f"waits for more where there is no more: {reply}")
        else:
            self._take(reply)

    def _take(self, reply: Reply) -> None:
        self.rested = False
        self._progress = self._loop.time()
        if self._observe is not None:
            self._observe(self._verbs[len(self._replies)], self._progress - self._started)
        self._replies.append(reply)
        if len(self._replies) == len(self._verbs):
            self._answer()

    def _answer(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(self._replies)
        self._wake_writer()

    def _end(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(self.error())
            waiter.exception()  # looked at: asyncio shall not complain if the caller has gone meanwhile
        self._wake_writer()
        self._transport.abort()

    def _wake_writer(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
