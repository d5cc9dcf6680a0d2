"""One SMTP client: commands in, the next hop's replies out. The protocol only; what to think of it is `assess`."""

import asyncio
import ssl
from collections.abc import Sequence
from functools import lru_cache

from detector import log
from detector.mail import path, xtext
from detector.mail.reply import Reply
from detector.relay import replies
from detector.relay.exchange import Asked, Exchange
from detector.relay.wire import Wire

XFORWARD_NAMES = "NAME ADDR PORT PROTO HELO IDENT SOURCE"
XCLIENT_NAMES = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
GROUP = 50  # commands that are passed on together at most


class Session(Wire):
    """The SMTP commands, under the names that aiosmtpd has for them."""

    # -- session commands --

    async def smtp_EHLO(self, hostname: str) -> None:
        if not hostname:
            self.say(replies.BAD_SYNTAX)
            return
        await self._reset()
        session = self.introduced()
        session.extended_smtp, session.host_name = True, hostname
        self._write(_welcome(self.hostname, await self._keywords()))

    async def smtp_HELO(self, hostname: str) -> None:
        if not hostname:
            self.say(replies.BAD_SYNTAX)
            return
        await self._reset()
        session = self.introduced()
        session.extended_smtp, session.host_name = False, hostname
        self.say(Reply(250, (self.hostname,)))

    async def _keywords(self) -> tuple[str, ...]:
        keywords = await self.server.offer()
        if self.tls_context is not None and not self.under_tls:
            keywords += ("STARTTLS",)
        if self.server.may_xforward(self.peer):
            keywords += (f"XFORWARD {XFORWARD_NAMES}",)
        if self.server.may_xclient(self.peer):
            keywords += (f"XCLIENT {XCLIENT_NAMES}",)
        return keywords

    async def smtp_STARTTLS(self, arg: str) -> None:
        if arg:
            self.say(replies.BAD_SYNTAX)
        elif self.tls_context is None:
            self.say(replies.TLS_UNAVAILABLE)
        elif self.under_tls:
            self.say(replies.TLS_ACTIVE)
        elif self.exchange is not None:
            self.say(replies.NOT_DURING_MAIL)
        else:
            await self._start_tls(self.tls_context)

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        in_clear = self.stream
        self._gate.take()  # it was sent in clear, and must not count under TLS (RFC 3207 section 4.2)
        try:
            await self.start_tls(context)
            if self._held_back and not in_clear.is_closing():  # before we knew the stream under TLS
                in_clear.resume_reading()
            self._held_back = False
        except OSError as error:
            log.protocol_violation(self.peer, f"TLS handshake failed: {error}")
        finally:
            if not self.under_tls:  # a protocol whose handshake failed is not always told that its connection is lost
                in_clear.abort()
                self.connection_lost(None)

    async def smtp_XFORWARD(self, arg: str) -> None:
        if not self.server.may_xforward(self.peer):
            self.say(replies.NOT_AUTHORISED)
        elif self.exchange is not None:
            self.say(replies.NOT_DURING_MAIL)
        elif (attributes := _attributes(arg, XFORWARD_NAMES)) is None:
            self.say(replies.BAD_SYNTAX)
        else:
            self.xforward = {**self.xforward, **attributes}
            self.say(replies.OK)

    async def smtp_XCLIENT(self, arg: str) -> None:
        if not self.server.may_xclient(self.peer):
            self.say(replies.NOT_AUTHORISED)
        elif self.exchange is not None:
            self.say(replies.NOT_DURING_MAIL)
        elif (attributes := _attributes(arg, XCLIENT_NAMES)) is None:
            self.say(replies.BAD_SYNTAX)
        else:
            self.xclient = {**self.xclient, **attributes}
            self.introduced().host_name = None  # the session starts anew at the greeting (XCLIENT_README)
            self.say(Reply(220, (f"{self.hostname} ESMTP",)))

    async def smtp_NOOP(self, arg: str) -> None:
        self.say(replies.OK)

    async def smtp_VRFY(self, arg: str) -> None:
        self.say(replies.CANNOT_VERIFY)

    async def smtp_EXPN(self, arg: str) -> None:
        self.say(replies.NOT_IMPLEMENTED)

    async def smtp_AUTH(self, arg: str) -> None:
        self.say(replies.NOT_IMPLEMENTED)

    async def smtp_HELP(self, arg: str) -> None:
        self.say(replies.HELP)

    async def smtp_QUIT(self, arg: str) -> None:
        self.abandon()
        self.hang_up(replies.BYE)

    async def smtp_RSET(self, arg: str) -> None:
        await self._reset()
        self.say(replies.OK)

    async def _reset(self) -> None:
        if self.exchange is not None:
            exchange, self.exchange = self.exchange, None
            await self._abandoned(exchange)
        self.xforward = {}

    async def _abandoned(self, exchange: Exchange) -> None:
        """Wait for that. If the client goes meanwhile it ends all the same, or nobody would count what it tried."""
        await asyncio.shield(self.server.spawn(exchange.abandon()))

    # -- transaction commands --

    async def smtp_MAIL(self, arg: str) -> None:
        if (refusal := self._not_now()) is not None:
            self.say(refusal)
            return
        if self.exchange is not None:
            self.say(replies.NESTED_MAIL)
            return
        try:
            mail_from = path.parse_mail(arg)
        except ValueError:
            self.say(replies.BAD_ADDRESS)
            return
        self.exchange = exchange = self.server.exchange(self, mail_from, arg)
        reply, *others = await exchange.mail(self._recipients_behind())
        if not reply.positive:
            self.exchange = None
            await self._abandoned(exchange)
        if others:
            self.say_all((reply, *others))
        else:
            self.say(reply)

    async def smtp_RCPT(self, arg: str) -> None:
        if self.exchange is None:
            self.say(self._not_now() or replies.MAIL_FIRST)
            return
        try:
            recipient = path.parse_rcpt(arg)
        except ValueError:
            self.say(replies.BAD_ADDRESS)
            return
        behind = self._recipients_behind()
        if behind:
            self.say_all(await self.exchange.rcpt_all([(recipient, arg), *behind]))
        else:
            self.say(await self.exchange.rcpt(recipient, arg))

    def _recipients_behind(self) -> Sequence[Asked]:
        """Those of RCPT commands that came together with the one that is being answered."""
        behind: list[Asked] = []
        while self.more_has_come and len(behind) < GROUP:
            argument = self.next_argument(b"RCPT ")
            if argument is None:
                break
            try:
                behind.append((path.parse_rcpt(argument), argument))
            except ValueError:  # it is answered when its turn comes
                break
            self.take_command()
        return behind

    async def smtp_DATA(self, arg: str) -> None:
        exchange = self.exchange
        if exchange is None:
            self.say(self._not_now() or replies.MAIL_FIRST)
        elif arg:
            self.say(replies.BAD_SYNTAX)
        elif (refusal := exchange.data_refusal()) is not None:
            self.say(refusal)
        else:
            await self._take_message(exchange)

    async def _take_message(self, exchange: Exchange) -> None:
        message = await self.receive_message(exchange.size_limit_bytes, self.server.spool())
        self.exchange, self.xforward = None, {}
        if isinstance(message, Reply):
            self.server.metrics.reasons.labels("message").inc()
            await self._abandoned(exchange)
            self.say(message)
            return
        self.seeing_it_through = True
        try:
            reply = await exchange.message(message)
            self.say(reply)  # at once: our books are not his business
            await exchange.settle(reply)
        finally:
            self.seeing_it_through = False

    def _not_now(self) -> Reply | None:
        if self.settings.tls.mode == "require" and not self.under_tls:
            return replies.TLS_REQUIRED
        return None if self.introduced().host_name else replies.HELO_FIRST


Session.commands = {
    name.removeprefix("smtp_").encode("ascii"): command
    for name, command in vars(Session).items()
    if name.startswith("smtp_")
}


@lru_cache(maxsize=64)  # each client is told one of a few
def _welcome(hostname: str, keywords: tuple[str, ...]) -> bytes:
    return bytes(Reply(250, (hostname, "PIPELINING", "ENHANCEDSTATUSCODES", *keywords)))


def _attributes(arg: str, names: str) -> dict[str, str] | None:
    """The attributes of an XFORWARD or XCLIENT command, or None when it is malformed or names an unknown one."""
    try:
        attributes = xtext.attributes(arg)
    except ValueError:
        return None
    return attributes if attributes.keys() <= set(names.split()) else None
