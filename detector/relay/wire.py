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
from detector.relay.incoming import Incoming
from detector.relay.line_gate import LINE_LIMIT, LineGate, Violation

if TYPE_CHECKING:
    from detector.relay.server import Server

UNREAD_LIMIT = 65_536  # octets of replies that a client may leave unread
LINGER = 5.0  # seconds for a last reply to be read


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
        self._message: Incoming | None = None
        self._errors = 0
        self._unanswered = 0
        self._client_is_done = False

    # -- connection --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._admitted:  # a second time, under TLS: what was said before is forgotten (RFC 3207 section 4.2)
            self._gate.take()
            self._gate.open()
            self.xforward, self.xclient = {}, {}
            super().connection_made(transport)
            return
        stream = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        peername = stream.get_extra_info("peername")
        if not peername:  # gone before it was here
            stream.abort()
            return
        self.peer = self.peer or peername[0]  # a proxy may have said whom it speaks for
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
        """The client says no more, but may still listen: what it has asked is answered, then the connection ends."""
        if not self._admitted or self.under_tls or self._message is not None:
            return False  # the transport closes itself
        self._client_is_done = True
        self._end_input()
        return True

    def _end_input(self) -> None:
        if self._client_is_done and not self._gate.closed:
            super(SMTP, self).eof_received()  # aiosmtpd's own would give up commands under way

    def data_received(self, data: bytes) -> None:
        if not self._admitted:
            return
        if self._message is not None:
            self._receive_body(self._message, data)
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
        limits = self.settings.limits
        self.deadline = self.loop.time() + (limits.idle_time if self.exchange is None else limits.command_time)

    def hang_up(self, reply: Reply) -> None:
        """Say why and close, at once."""
        if self.transport is not None and not self.transport.is_closing():
            self.stream.write(bytes(reply))
            self.stream.close()
            self.loop.call_later(LINGER, self.stream.abort)  # it waits for a client that may never read

    @property
    def stream(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self.transport)  # uvloop's is no subclass of it

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
                self._unanswered += 1
                self.deadline = float("inf")  # until it is answered, it is our turn
                super().data_received(line)
        except Violation as violation:
            self._gate.take()
            self.server.metrics.reasons.labels("protocol").inc()
            log.protocol_violation(self.peer, str(violation))
            self.hang_up(violation.reply)
        if self._gate.full:
            self.stream.pause_reading()  # until the message or command before it is answered
        elif self._gate.held and not self._gate.closed:
            self.deadline = min(self.deadline, self.loop.time() + self.settings.limits.command_time)

    def lift_barrier(self) -> None:
        """The DATA or STARTTLS command is answered; what came behind it is commands."""
        if self._gate.full and self.transport is not None:
            self.stream.resume_reading()
        self._gate.open()
        self._leave_when_stopping()
        self._pass_lines_on()
        self._end_input()

    def _leave_when_stopping(self) -> None:
        if self.server.stopping and self.exchange is None and not self._gate.closed:
            self.hang_up(replies.STOPPING)

    # -- replies --

    async def push(self, status: Reply | str | bytes) -> None:
        """Send a reply. Texts of the command loop itself, which carry no enhanced code, are replaced by ours."""
        if self.transport is None or self.transport.is_closing():
            return
        reply = status if isinstance(status, Reply) else self._reply_for(status)
        self.stream.write(bytes(reply))
        if self.stream.get_write_buffer_size() > UNREAD_LIMIT:
            self.stream.abort()  # it sends and never reads: RFC 5321 allows to give up
        self._unanswered -= reply.code != 354 and self._unanswered > 0
        if not self._unanswered:
            self.await_command()
        if reply in replies.PROTOCOL_ERRORS:
            self._errors += 1
            if self._errors > self.settings.limits.errors_per_session:
                self.hang_up(replies.TOO_MANY_ERRORS)
        self._leave_when_stopping()

    def _reply_for(self, status: str | bytes) -> Reply:
        text = status.decode() if isinstance(status, bytes) else status
        if text.startswith("220 "):
            return Reply(220, (text[4:],))
        if "goodbye" in text:
            return replies.TOO_MANY_ERRORS
        return replies.LINE_TOO_LONG if "too long" in text else replies.UNKNOWN_COMMAND

    async def handle_exception(self, error: Exception) -> str:
        """No command raises; so this is the end of input, or a fault of ours. Either way the connection ends here."""
        if isinstance(error, asyncio.IncompleteReadError):
            if self.transport is not None:
                self.transport.close()
        else:
            log.internal_error("session", error)
            self.hang_up(replies.LOCAL_ERROR)
        never: asyncio.Future[str] = self.loop.create_future()
        return await never  # until `connection_lost` cancels the command loop

    # -- a message --

    async def receive_message(self, size_limit_bytes: int, spool: Spool) -> Body | Reply:
        """Say 354 and read up to the end mark: the message, or the reply that refuses it."""
        memory_bytes = self.settings.limits.message_memory_bytes
        message = Incoming(self.stream, BodyReader(size_limit_bytes), spool, memory_bytes)
        await self.push(replies.START_DATA)
        self.deadline = self.loop.time() + self.settings.limits.data_time
        self._message = message
        try:
            self._receive_body(message, self._gate.take())
            return await message.message()
        finally:
            self._message = None
            self.deadline = float("inf")

    def _receive_body(self, message: Incoming, octets: bytes) -> None:
        self._gate.put(message.feed(octets))
        if message.complete:
            self._message = None
