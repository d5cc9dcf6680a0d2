"""The wire side of an SMTP session: octets to lines, lines to aiosmtpd's command loop, messages past it, replies out.

Built on aiosmtpd's command loop. Octets reach that loop as whole lines through a gate that is closed while a DATA
command is answered: so a message never passes aiosmtpd's line reader, which would take it apart line by line.
"""

import asyncio
import ssl
from collections import defaultdict
from typing import TYPE_CHECKING, cast

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Session as AiosmtpdSession

from detector import log
from detector.config import Relay
from detector.mail.headers import Arrival
from detector.mail.reply import Reply
from detector.relay import replies
from detector.relay.body import Body, BodyReader, Spool
from detector.relay.exchange import Exchange
from detector.relay.line_gate import LINE_LIMIT, LineGate, Violation

if TYPE_CHECKING:
    from detector.relay.server import Server

UNREAD_LIMIT = 65_536  # octets of replies that a client may leave unread


class Wire(SMTP):
    """One connection. What the commands mean is the business of `Session`."""

    line_length_limit = LINE_LIMIT
    command_size_limit = LINE_LIMIT
    command_size_limits: dict[str, int] = defaultdict(lambda: LINE_LIMIT)  # noqa: RUF012  aiosmtpd's own kind

    def __init__(self, server: "Server", settings: Relay, tls: ssl.SSLContext | None) -> None:
        super().__init__(
            None,
            hostname=settings.hostname,
            ident="ESMTP",
            enable_SMTPUTF8=True,
            data_size_limit=None,
            tls_context=tls,
            timeout=86_400.0,  # the server's own deadlines are shorter and answer with 421
            loop=server.loop,
        )
        self.settings = settings
        self.peer = ""
        self.deadline = float("inf")
        self.xforward: dict[str, str] = {}
        self.xclient: dict[str, str] = {}
        self.exchange: Exchange | None = None
        self.server = server
        self._admitted = False
        self._gate = LineGate(settings.limits.commands_per_session)
        self._message: BodyReader | None = None
        self._body_grew = asyncio.Event()
        self._reading_paused = False
        self._errors = 0

    # -- connection --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._admitted:  # a second time, under TLS: what was said before is forgotten (RFC 3207 section 4.2)
            self._gate.take()
            self._gate.open()
            self.xforward, self.xclient = {}, {}
            super().connection_made(transport)
            return
        stream = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self.peer = (stream.get_extra_info("peername") or ("",))[0]
        refusal = self.server.admit(self)
        if refusal is not None:
            stream.write(bytes(refusal))
            stream.close()
            return
        self._admitted = True
        self.await_command()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._admitted:
            return
        super().connection_lost(error)
        self.server.forget(self)
        self.abandon()

    def eof_received(self) -> bool | None:
        return super().eof_received() if self._admitted else False

    def data_received(self, data: bytes) -> None:
        if not self._admitted:
            return
        if self._message is not None:
            self._receive_body(data)
            return
        self._gate.put(data)
        self._pass_lines_on()

    @property
    def under_tls(self) -> bool:
        return self.session is not None and self.session.ssl is not None

    @property
    def in_message(self) -> bool:
        """A DATA command is being answered."""
        return self._gate.closed

    def arrival(self, smtputf8: bool) -> Arrival:
        session = self.greeting()
        return Arrival(
            helo=session.host_name or "",
            peer=self.peer,
            hostname=self.hostname,
            esmtp=session.extended_smtp,
            tls=self.under_tls,
            smtputf8=smtputf8,
        )

    def await_command(self) -> None:
        self.deadline = self.loop.time() + self.settings.limits.idle_time

    def hang_up(self, reply: Reply) -> None:
        """Say why and close, at once."""
        if self.transport is not None and not self.transport.is_closing():
            stream = cast("asyncio.Transport", self.transport)
            stream.write(bytes(reply))
            stream.close()

    def greeting(self) -> AiosmtpdSession:
        """How the client introduced itself."""
        if self.session is None:
            raise RuntimeError("not connected")
        return self.session

    def abandon(self) -> None:
        if self.exchange is not None:
            exchange, self.exchange = self.exchange, None
            self.server.spawn(exchange.abandon())

    # -- from octets to lines --

    def _pass_lines_on(self) -> None:
        try:
            for line in self._gate.lines():
                self.deadline = float("inf")  # until it is answered, it is our turn
                super().data_received(line)
        except Violation as violation:
            self._gate.take()
            self.server.metrics.reasons.labels("protocol").inc()
            log.protocol_violation(self.peer, str(violation))
            self.hang_up(violation.reply)
        if self._gate.held and not self._gate.closed:
            self.deadline = min(self.deadline, self.loop.time() + self.settings.limits.command_time)

    def lift_barrier(self) -> None:
        """The DATA or STARTTLS command is answered; what came behind it is commands."""
        self._gate.open()
        self._pass_lines_on()

    # -- replies --

    async def push(self, status: Reply | str | bytes) -> None:
        """Send a reply. Texts of the command loop itself, which carry no enhanced code, are replaced by ours."""
        reply = status if isinstance(status, Reply) else self._reply_for(status)
        stream = cast("asyncio.Transport | None", self.transport)
        if stream is None or stream.is_closing():
            return
        stream.write(bytes(reply))
        if stream.get_write_buffer_size() > UNREAD_LIMIT:
            stream.abort()  # it sends and never reads: RFC 5321 allows to give up
        self.await_command()
        if reply.code >= 500:
            self._errors += 1
            if self._errors > self.settings.limits.errors_per_session:
                self.hang_up(replies.TOO_MANY_ERRORS)
        if self.server.stopping and self.exchange is None and not self._gate.closed:
            self.hang_up(replies.STOPPING)

    def _reply_for(self, status: str | bytes) -> Reply:
        text = status.decode() if isinstance(status, bytes) else status
        if text.startswith("220 "):
            return Reply(220, (text[4:],))
        return replies.LINE_TOO_LONG if "too long" in text else replies.UNKNOWN_COMMAND

    async def handle_exception(self, error: Exception) -> str:
        log.internal_error("session", error)
        self.hang_up(replies.LOCAL_ERROR)
        self.abandon()
        return ""

    # -- a message --

    async def receive_message(self, size_limit_bytes: int, spool: Spool) -> Body | Reply:
        """Say 354 and read up to the end mark: the message, or the reply that refuses it."""
        reader = self._message = BodyReader(size_limit_bytes)
        await self.push(replies.START_DATA)
        self.deadline = self.loop.time() + self.settings.limits.data_time
        try:
            self._receive_body(self._gate.take())
            while not (reader.complete and not reader.pending_bytes):
                await self._more(reader)
                await self._store(reader, spool)
            if reader.problem is None:
                return spool.body(reader)
        except BaseException:
            spool.discard()
            raise
        finally:
            self._message = None
            self.deadline = float("inf")
        spool.discard()
        return reader.problem

    def _receive_body(self, octets: bytes) -> None:
        reader = self._message
        if reader is None:
            raise RuntimeError("no message is being received")
        self._gate.put(reader.feed(octets))
        if reader.complete:
            self._message = None
        elif self._enough(reader):
            self._pause()
        if self._enough(reader):
            self._body_grew.set()

    async def _more(self, reader: BodyReader) -> None:
        """Until the message is complete, or there is enough of it to go to disk."""
        self._resume()
        while not self._enough(reader):
            self._body_grew.clear()
            await self._body_grew.wait()

    async def _store(self, reader: BodyReader, spool: Spool) -> None:
        if reader.pending_bytes:
            try:
                await spool.add(reader.take())
            except OSError as error:
                log.spool_failed(str(error))
                reader.refuse(replies.NO_STORAGE)

    def _enough(self, reader: BodyReader) -> bool:
        return reader.complete or reader.pending_bytes > self.settings.limits.message_memory_bytes

    def _pause(self) -> None:
        if self.transport is not None and not self._reading_paused:
            self._reading_paused = True
            cast("asyncio.Transport", self.transport).pause_reading()

    def _resume(self) -> None:
        if self.transport is not None and self._reading_paused:
            self._reading_paused = False
            cast("asyncio.Transport", self.transport).resume_reading()
