"""What we say to a client: the greeting, replies and the last word. Built on aiosmtpd, which starts TLS."""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Session as AiosmtpdSession

from detector.config import Relay
from detector.mail.headers import Arrival
from detector.mail.reply import Reply
from detector.relay import replies
from detector.relay.exchange import Exchange

if TYPE_CHECKING:
    from detector.relay.server import Server

UNREAD_LIMIT = 65_536  # octets of replies that a client may leave unread
LINGER = 5.0  # seconds for a last reply to be read


class _Nameless:
    """For each connection aiosmtpd looks among all names for commands and hooks; commands are read elsewhere."""

    def __dir__(self) -> Iterable[str]:
        return ()


NO_HOOKS = _Nameless()


class Greeter(_Nameless, SMTP):
    """One connection, as far as it is spoken to."""

    def __init__(self, server: "Server", settings: Relay, tls: ssl.SSLContext | None) -> None:
        # What aiosmtpd prepares for each connection costs more than all else about it, and nothing of it is needed
        # before STARTTLS: `smtp_STARTTLS` has the other half of this.
        self.loop = server.loop
        self.hostname = settings.hostname
        self.tls_context = tls
        self.session = AiosmtpdSession(server.loop)
        self.settings = settings
        self.peer = ""
        self.deadline = float("inf")
        self.xforward: dict[str, str] = {}
        self.xclient: dict[str, str] = {}
        self.exchange: Exchange | None = None
        self.server = server
        self.stream: asyncio.Transport
        self._errors = 0
        self._prepared = False

    # -- the connection --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._prepared:  # a second time, under TLS
            super().connection_made(transport)
        else:
            self._write(_greeting(self.hostname))

    def connection_lost(self, error: Exception | None) -> None:
        if self._prepared:
            super().connection_lost(error)

    def pause_writing(self) -> None:
        """Nobody waits for room: `UNREAD_LIMIT` bounds what a client leaves unread."""

    def resume_writing(self) -> None:
        """As above."""

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Raises `TLSSetupException`."""
        self.say(replies.READY_FOR_TLS)
        self.server.outbox.flush()
        SMTP.__init__(
            self,
            NO_HOOKS,
            hostname=self.hostname,
            ident="ESMTP",
            enable_SMTPUTF8=True,
            data_size_limit=None,
            tls_context=self.tls_context,
            timeout=86_400.0,  # the server's own deadlines are shorter and answer with 421
            loop=self.loop,
        )
        SMTP.connection_made(self, self.stream)
        self._prepared = True
        await super().smtp_STARTTLS(arg)

    async def push(self, status: str | bytes) -> None:
        """What aiosmtpd says: 220 twice, to greet and before TLS. Both have been said."""

    @property
    def under_tls(self) -> bool:
        return self.session is not None and self.session.ssl is not None

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
        if not self.stream.is_closing():
            self.server.outbox.write(self.stream, bytes(reply))
            self.close()
            self.deadline = self.loop.time() + LINGER  # it waits for a client that may never read

    def close(self) -> None:
        """Once all is sent that was said."""
        self.server.outbox.flush()
        self.stream.close()

    def greeting(self) -> AiosmtpdSession:
        """How the client introduced itself."""
        if self.session is None:
            raise RuntimeError("not connected")
        return self.session

    # -- replies --

    def say(self, reply: Reply) -> None:
        self._write(bytes(reply))
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


@lru_cache(maxsize=16)
def _greeting(hostname: str) -> bytes:
    return bytes(Reply(220, (f"{hostname} ESMTP",)))
