"""The wire side of an SMTP session: octets to commands and messages.

Octets never reach aiosmtpd's own command loop: it costs more for each command than what we do with it, and would take a
message apart line by line.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from detector import log
from detector.config import Relay
from detector.mail.reply import Reply
from detector.relay import replies
from detector.relay.body import Body, Spool
from detector.relay.body_reader import BodyReader
from detector.relay.greeter import Greeter
from detector.relay.incoming import Incoming
from detector.relay.line_gate import LINE_LIMIT, LineGate, Violation, argument

if TYPE_CHECKING:
    from detector.relay.server import Server

LF = 10  # looked for as a number: as octets it would take nine times as long
TURN = 10
"""Commands that came in one burst; after so many of them other sessions have their turn."""
MORE_THAN_RECIPIENTS = 100
"""Commands that a client may need for a message besides one for each recipient, also where a few attempts fail."""
FEW_ERRORS = 10
"""Since the last message, as in Postfix (smtpd_soft_error_limit)."""
REST = 0.05
"""Seconds for each command of a client that has needed more for no message, or made more errors than these few."""


class Wire(Greeter):
    """What comes in. What the commands mean is the business of `Session`, which names them by their verbs."""

    commands: ClassVar[Mapping[bytes, Callable[..., Awaitable[None]]]] = {}

    def __init__(self, server: "Server", settings: Relay, tls: ssl.SSLContext | None) -> None:
        super().__init__(server, settings, tls)
        self._admitted = False
        self._gate = LineGate(settings.limits.commands_per_session)
        self._work: asyncio.Task[None] | None = None
        self._more: asyncio.Future[None] | None = None  # what it waits for while no command is being answered
        self.seeing_it_through = False  # when the client goes, the next hop's answer must still reach the books
        self._held_back = False
        self._message: Incoming | None = None
        self._client_is_done = False
        self._since_message, self._turn_ends = 0, TURN  # commands
        self._enough = settings.limits.recipients_per_transaction + MORE_THAN_RECIPIENTS

    # -- connection --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.stream = stream = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        if not self.peer:
            peername = stream.get_extra_info("peername")
            if not peername:  # gone before it was here
                stream.abort()
                return
            self.peer = peername[0]
        refusal = self.server.admit(self)
        if refusal is not None:
            stream.write(bytes(refusal))
            stream.close()
            return
        self._admitted = True
        self.await_command()
        self.greet()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        if not self._admitted:
            return
        self._admitted = False
        if self._work is not None:
            if self.seeing_it_through:
                self.server.keep(self._work)
            else:
                self._work.cancel()
        self.server.forget(self)
        self.abandon()

    def eof_received(self) -> bool | None:
        """The client says no more, but may still listen: what it has asked is answered, then the connection ends."""
        self.server.outbox.send(self.stream)
        if not self._admitted or self.under_tls or self._message is not None:
            return False  # the transport closes itself
        self._client_is_done = True
        return self.busy

    def data_received(self, data: bytes) -> None:
        if self._message is not None:
            self._receive_body(self._message, data)
            return
        if not self._admitted:
            return
        gate = self._gate
        gate.put(data)
        if self.busy:
            self._hold_back()
        elif LF in data or gate.held_bytes > LINE_LIMIT:
            self.deadline = float("inf")  # until it is answered, it is our turn
            self._go_on()
        else:
            self.deadline = min(self.deadline, self.loop.time() + self.settings.limits.command_time)

    @property
    def busy(self) -> bool:
        """A command is being answered."""
        return self._work is not None and self._more is None

    def give_up(self) -> None:
        """Whatever is under way for the client."""
        if self._work is not None:
            self._work.cancel()

    def abandon(self) -> None:
        if self.exchange is not None:
            exchange, self.exchange = self.exchange, None
            self.server.spawn(exchange.abandon())

    # -- commands --

    def _go_on(self) -> None:
        more, self._more = self._more, None
        if more is None:
            self._work = self.loop.create_task(self._answer_commands())
        elif not more.done():
            more.set_result(None)

    async def _answer_commands(self) -> None:
        """One after the other, until the connection ends."""
        try:
            while not self.stream.is_closing():
                command = self._gate.command()
                if command is None:
                    self._wait_for_more()
                    self._more = more = self.loop.create_future()
                    await more
                    continue
                verb, said = command
                await (self.commands.get(verb) or self.commands.get(verb.upper(), _unknown))(self, said)
                self._since_message += 1
                if self._since_message >= self._turn_ends or self._errors > FEW_ERRORS:
                    await self._let_others_go_first()
                self._after_an_answer()
        except Violation as violation:
            self._gate.take()
            self.server.metrics.reasons.labels("protocol").inc()
            log.protocol_violation(self.peer, str(violation))
            self.hang_up(violation.reply)
        except Exception as error:  # a fault of ours; the connection ends here
            log.internal_error("session", error)
            self.hang_up(replies.LOCAL_ERROR)
        finally:
            self._work = None

    @property
    def more_has_come(self) -> bool:
        """Behind the command that is being answered."""
        return self._gate.held_bytes > 0

    def next_argument(self, verb: bytes) -> str | None:
        """That of the next command, if it is here already and begins so."""
        line = self._gate.next_line()
        return argument(line[len(verb) :]) if line is not None and line[: len(verb)].upper() == verb else None

    def take_command(self) -> None:
        """The next one is answered together with this one."""
        self._gate.line()
        self._since_message += 1

    async def _let_others_go_first(self) -> None:
        self._turn_ends = self._since_message + TURN
        if self._errors > FEW_ERRORS:
            await asyncio.sleep(REST)
        elif self._since_message > self._enough:
            await asyncio.sleep(TURN * REST)
        else:
            await self.server.turns.wait(self.peer)

    def _after_an_answer(self) -> None:
        if self._held_back:
            self._hold_back()
        if self.server.stopping and self.exchange is None:
            self.hang_up(replies.STOPPING)

    def _wait_for_more(self) -> None:
        if self._client_is_done:
            self.close()
        self.await_command()
        if self._gate.held_bytes:  # the beginning of a command
            self.deadline = min(self.deadline, self.loop.time() + self.settings.limits.command_time)

    def _hold_back(self) -> None:
        """Read no more while too much waits behind the command that is being answered, then go on."""
        if self._gate.full is not self._held_back and not self.stream.is_closing():
            self._held_back = not self._held_back
            if self._held_back:
                self.stream.pause_reading()
            else:
                self.stream.resume_reading()

    # -- a message --

    async def receive_message(self, size_limit_bytes: int, spool: Spool) -> Body | Reply:
        """Say 354 and read up to the end mark: the message, or the reply that refuses it."""
        memory_bytes = self.settings.limits.message_memory_bytes
        message = Incoming(self.stream, BodyReader(size_limit_bytes), spool, memory_bytes)
        self._since_message, self._turn_ends, self._errors = 0, TURN, 0
        self.say(replies.START_DATA)
        self.deadline = self.loop.time() + self.settings.limits.data_time
        self._message = message
        try:
            if self._gate.held_bytes:
                self._receive_body(message, self._gate.take())
                self._hold_back()
            if self._client_is_done and not message.complete:  # what is missing will never come
                self.close()
            return await message.message()
        finally:
            self._message = None
            self.deadline = float("inf")

    def _receive_body(self, message: Incoming, octets: bytes) -> None:
        self._gate.put(message.feed(octets))
        if message.complete:
            self._message = None


async def _unknown(wire: Wire, _: str) -> None:
    wire.say(replies.UNKNOWN_COMMAND)
