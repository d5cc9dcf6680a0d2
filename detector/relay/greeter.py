"""What we say to a client: the greeting, replies and the last word. Built on aiosmtpd, which greets and starts TLS."""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
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
        super().__init__(
            NO_HOOKS,
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
        self.stream: asyncio.Transport
        self._errors = 0

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
            self.server.outbox.flush()
            self.stream.write(bytes(reply))
            self.stream.close()
            self.loop.call_later(LINGER, self.stream.abort)  # it waits for a client that may never read

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

    async def push(self, status: str | bytes) -> None:
        """What aiosmtpd itself says: 220, to greet and before TLS."""
        text = status.decode() if isinstance(status, bytes) else status
        self.say(Reply(int(text[:3]), (text[4:],)))
        self.server.outbox.flush()  # TLS begins behind it
