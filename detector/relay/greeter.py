"""What we say to a client: the greeting, replies, TLS and the last word. Built on aiosmtpd, where that serves."""

import asyncio
import ssl
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP, Session

from detector.config import Relay
from detector.mail.headers import Arrival
from detector.mail.reply import Reply
from detector.relay import replies
from detector.relay.exchange import Exchange

if TYPE_CHECKING:
    from detector.relay.server import Server

UNREAD_LIMIT = 65_536  # octets of replies that a client may leave unread
LINGER = 5.0  # seconds for a last reply to be read


class Greeter(SMTP):
    """One connection, as far as it is spoken to: aiosmtpd's commands and session, without its streams.

    What its constructor prepares costs more than all else about a connection, its command loop more than what we do
    with a command, and each connection under its TLS leaves 256 KB behind that only the garbage collector finds.
    """

    def __init__(self, server: "Server", settings: Relay, tls: ssl.SSLContext | None) -> None:
        self.loop = server.loop
        self.hostname = settings.hostname
        self.tls_context = tls
        self.under_tls = self.in_handshake = False
        self.session = Session(server.loop)
        self.settings = settings
        self.peer = ""
        self.deadline = float("inf")
        self.xforward: dict[str, str] = {}
        self.xclient: dict[str, str] = {}
        self.exchange: Exchange | None = None
        self.server = server
        self.stream: asyncio.Transport
        self._errors = 0

    # -- the connection --

    def greet(self) -> None:
        """The 220 of RFC 5321 section 4.2, which each session begins with."""
        self._write(_greeting(self.hostname))

    def pause_writing(self) -> None:
        """Nobody waits for room: `UNREAD_LIMIT` bounds what a client leaves unread."""

    def resume_writing(self) -> None:
        """As above."""

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """What was said in clear is forgotten (RFC 3207 section 4.2). Raises `OSError` (`ssl.SSLError` is one)."""
        self.in_handshake = True
        self.say(replies.READY_FOR_TLS)
        self.server.outbox.send(self.stream)
        stream = await self.loop.start_tls(self.stream, self, context, server_side=True)
        if stream is None or stream.is_closing():  # closed by us meanwhile, which is no fault of a handshake
            raise ConnectionAbortedError("the connection was lost")
        self.stream, self.under_tls, self.in_handshake = stream, True, False
        self.session, self.xforward, self.xclient = Session(self.loop), {}, {}

    def introduced(self) -> Session:
        """How the client introduced itself: with HELO or EHLO, and as whom."""
        if self.session is None:  # never, but aiosmtpd has it so
            raise RuntimeError("not connected")
        return self.session

    def arrival(self, smtputf8: bool) -> Arrival:
        session = self.introduced()
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
        if not self.stream.is_closing():
            self.server.outbox.write(self.stream, bytes(reply))
            self.close()
            self.deadline = self.loop.time() + LINGER  # it waits for a client that may never read

    def close(self) -> None:
        """Once all is sent that was said."""
        self.server.outbox.send(self.stream)
        self.stream.close()

    # -- replies --

    def say(self, reply: Reply) -> None:
        self._write(_octets(reply) if len(reply.lines) == 1 else bytes(reply))
        if reply.code >= 500 and reply in replies.PROTOCOL_ERRORS:
            self._errors += 1
            if self._errors > self.settings.limits.errors_per_session:
                self.hang_up(replies.TOO_MANY_ERRORS)

    def say_all(self, answers: Sequence[Reply]) -> None:
        """To commands that came together. RCPT behind a refused MAIL is no error: the client did not know yet."""
        self._write(b"".join(map(bytes, answers)))

    def _write(self, octets: bytes) -> None:
        stream = self.stream
        if stream.is_closing():
            return
        self.server.outbox.write(stream, octets)
        if stream.get_write_buffer_size() > UNREAD_LIMIT:
            stream.abort()  # it sends and never reads: RFC 5321 allows to give up


@lru_cache(maxsize=256)  # nearly all are the same few
def _octets(reply: Reply) -> bytes:
    return bytes(reply)


@lru_cache(maxsize=16)
def _greeting(hostname: str) -> bytes:
    return bytes(Reply(220, (f"{hostname} ESMTP",)))
