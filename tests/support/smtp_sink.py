"""The end of the road: an SMTP server that keeps every message, octet for octet, and answers as the test tells it."""

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.support.ports import HOST, PATIENCE, wait_for

EXTENSIONS = ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
XFORWARD = "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"
CLOSE = "close"
OK = "250 2.0.0 Ok"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address as given in MAIL or RCPT, with the parameters in their order."""

    address: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SunkMessage:
    """A message that the sink answered 250 for. `content` is free of dot-stuffing, with its last CRLF."""

    sender: Mailbox
    recipients: tuple[Mailbox, ...]
    content: bytes
    xforward: dict[str, str]

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(recipient.address for recipient in self.recipients)

    @property
    def header(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[2]


@dataclass(slots=True)
class Rule:
    """`reply` to `verb` while the argument (for END: any address of the transaction) contains `part`, `times` times."""

    verb: str
    part: str
    reply: str
    times: int


@dataclass(slots=True)
class _Transaction:
    sender: Mailbox
    recipients: list[Mailbox] = field(default_factory=list)


class SmtpSink:
    """Runs in a thread of its own. A context manager."""

    def __init__(self, port: int = 0, extensions: tuple[str, ...] = (*EXTENSIONS, XFORWARD)) -> None:
        self.port = port
        self.extensions = extensions
        self._lock = threading.Lock()
        self._messages: list[SunkMessage] = []
        self._rules: list[Rule] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="smtp-sink", daemon=True)
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def listen(self) -> None:
        """Listen (again) on the port; the first time on a free one if none was given."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(PATIENCE)

    def close(self) -> None:
        """Stop listening and cut all connections, as if the host had gone."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(PATIENCE)

    @property
    def messages(self) -> list[SunkMessage]:
        """What arrived so far."""
        with self._lock:
            return list(self._messages)

    def clear(self) -> None:
        with self._lock:
            self._messages.clear()

    def answer(self, verb: str, part: str, reply: str, times: int = 1_000_000_000) -> None:
        """Answer `reply` (or `CLOSE` the connection) to MAIL, RCPT, DATA or END (after the final dot), see `Rule`."""
        with self._lock:
            self._rules.append(Rule(verb, part, reply, times))

    def obey_again(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def wait_for_messages(self, count: int, to: str = "") -> list[SunkMessage]:
        """The messages with a recipient containing `to`, as soon as there are `count`. Raises `TimeoutError`."""
        wait_for(lambda: len(self.messages_to(to)) >= count, f"{count} messages to '{to}' at the sink")
        return self.messages_to(to)

    def messages_to(self, part: str) -> list[SunkMessage]:
        return [message for message in self.messages if any(part in address for address in message.addresses)]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        # Who was accepted just now has a session only a few turns of the loop later, and none if the server is closed
        # before: asyncio then forgets the connection.
        await _a_few_turns()
        if self._server is not None:
            self._server.close()
            self._server = None
        sessions = list(self._sessions)
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)
        await _a_few_turns()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        assert session is not None
        self._sessions.add(session)
        try:
            await _Session(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client, or the test, has gone: nothing to answer
        finally:
            self._sessions.discard(session)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    def reply_to(self, verb: str, texts: list[str]) -> str | None:
        """The first rule that fits, or None: be obedient."""
        with self._lock:
            for rule in self._rules:
                if rule.verb == verb and rule.times and any(rule.part in text for text in texts):
                    rule.times -= 1
                    return rule.reply
        return None

    def keep(self, message: SunkMessage) -> None:
        with self._lock:
            self._messages.append(message)


async def _a_few_turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class _Session:
    def __init__(self, sink: SmtpSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sink = sink
        self.reader = reader
        self.writer = writer
        self.transaction: _Transaction | None = None
        self.xforward: dict[str, str] = {}

    async def run(self) -> None:
        self.writer.write(b"220 sink.example ESMTP\r\n")
        while True:
            line = (await self.reader.readuntil(b"\r\n"))[:-2].decode("utf-8", "surrogateescape")
            verb, _, argument = line.partition(" ")
            reply = await self.command(verb.upper(), argument)
            if reply == CLOSE:
                return
            self.writer.write(reply.encode() + b"\r\n")
            await self.writer.drain()
            if verb.upper() == "QUIT":
                return

    async def command(self, verb: str, argument: str) -> str:
        if verb == "DATA":
            return await self.data()
        return self.sink.reply_to(verb, [argument]) or self.obey(verb, argument)

    def obey(self, verb: str, argument: str) -> str:
        if verb == "EHLO":
            return "\r\n".join(["250-sink.example", *[f"250-{name}" for name in self.sink.extensions], "250 HELP"])
        if verb == "MAIL":
            self.transaction = _Transaction(_mailbox(argument))
        elif verb == "RCPT" and self.transaction is not None:
            self.transaction.recipients.append(_mailbox(argument))
        elif verb == "XFORWARD":
            self.xforward |= dict(pair.split("=", 1) for pair in argument.split())
        elif verb == "RSET":
            self.transaction = None
        elif verb not in {"HELO", "NOOP", "QUIT"}:
            return "503 5.5.1 Not now"
        return "221 2.0.0 Bye" if verb == "QUIT" else OK

    async def data(self) -> str:
        transaction = self.transaction
        if transaction is None or not transaction.recipients:
            return "503 5.5.1 Need RCPT"
        addresses = [transaction.sender.address, *[mailbox.address for mailbox in transaction.recipients]]
        reply = self.sink.reply_to("DATA", addresses)
        if reply is not None:
            return reply
        self.writer.write(b"354 Go ahead\r\n")
        lines: list[bytes] = []
        while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        reply = self.sink.reply_to("END", addresses)
        if reply is None or reply.startswith("2"):
            message = SunkMessage(transaction.sender, tuple(transaction.recipients), b"".join(lines), self.xforward)
            self.sink.keep(message)
        self.transaction, self.xforward = None, {}
        return reply or OK


def _mailbox(argument: str) -> Mailbox:
    path, _, parameters = argument.partition(":")[2].strip().partition(">")
    return Mailbox(path.removeprefix("<"), tuple(parameters.split()))
