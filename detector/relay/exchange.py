"""One mail transaction between a client and the next hop: passed through as it comes.

MAIL and RCPT go on at once, word for word; the body goes on after the verdict. Nothing is answered with 250 that
the next hop did not accept, or that is not on hold: on disk and recorded.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from detector.mail import headers
from detector.mail.causes import cause_of
from detector.mail.path import Path
from detector.mail.reply import Reply
from detector.mail.transaction import Recipient, RecipientStatus
from detector.metrics import Metrics
from detector.relay import replies
from detector.relay.assess import Assessor
from detector.relay.body import Body
from detector.relay.command_lines import line, say_data, say_mail, status
from detector.relay.draft import Draft, Hold, Letter
from detector.relay.next_hop import Connection, NextHopError
from detector.relay.pool import Pool
from detector.relay.tagging import Tagger


@dataclass(frozen=True, slots=True)
class Route:
    """What every transaction needs to be passed on; replaced as a whole when the configuration is reloaded."""

    pool: Pool
    assessor: Assessor
    hold: Hold
    metrics: Metrics
    strip: frozenset[str]
    size_limit_bytes: int
    recipients_limit: int
    tagger: Tagger = Tagger()  # noqa: RUF009 - frozen


class Exchange:
    """The life of one transaction. `abandon` ends it, or `message`, the answer to the client, and `settle`."""

    def __init__(self, route: Route, draft: Draft, mail_from: Path, argument: str) -> None:
        self._route = route
        self._draft = draft
        self._mail_from = mail_from
        self._argument = argument
        self._connection: Connection | None = None
        self._accepted: list[str] = []
        self._failure: Reply | None = None
        self._lost = False

    @property
    def size_limit_bytes(self) -> int:
        return self._route.size_limit_bytes

    async def mail(self) -> Reply:
        """Ask what we think of the account, then the next hop what it thinks of the sender."""
        if (self._mail_from.size_bytes or 0) > self._route.size_limit_bytes:
            return self._own(replies.TOO_LARGE, "size")
        refusal = await self._route.assessor.begin(self._draft)
        if refusal is not None:
            return refusal
        reply = await self._asked(self._send_mail)
        if self._lost:
            # A kept connection may end just when we take it; nothing was accepted on it, so MAIL may be said again.
            reply = await self._once_more(self._send_mail)
        return reply

    async def rcpt(self, recipient: Path, argument: str) -> Reply:
        if self._failure is not None:
            return self._failure
        if len(self._draft.recipients) >= self._route.recipients_limit:
            return self._own(replies.TOO_MANY_RECIPIENTS, "recipients")
        refusal = await self._route.assessor.admit(self._draft, recipient.address)
        if refusal is not None:
            return refusal
        # On the list before the answer is there: a client that goes away meanwhile gives its place back.
        place = len(self._draft.recipients)
        self._draft.recipients.append(Recipient(recipient.address, RecipientStatus.DEFERRED))
        reply = await self._asked(lambda connection: connection.command(line("RCPT", argument)))
        code = reply.enhanced or str(reply.code)
        self._draft.recipients[place] = Recipient(recipient.address, status(reply), code)
        if reply.positive:
            self._accepted.append(argument)
        return reply

    def data_refusal(self) -> Reply | None:
        """Why DATA makes no sense now, if so."""
        if self._failure is not None:
            return self._failure
        statuses = {recipient.status for recipient in self._draft.recipients}
        if RecipientStatus.ACCEPTED in statuses:
            return None
        if statuses & {RecipientStatus.PACED, RecipientStatus.DEFERRED}:
            return replies.NO_RECIPIENT_YET
        return replies.NO_VALID_RECIPIENTS if statuses else replies.RCPT_FIRST

    async def message(self, body: Body) -> Reply:
        """Judge the complete message; pass it on, keep it or refuse it."""
        try:
            section = headers.header_section(body.head)
            reply = await self._route.assessor.decide(self._draft, section, body)
            if reply is None:
                reply = await self._held_before(section, body)
            if reply is None:
                reply = await (self._hold if self._draft.waits else self._pass_on)(section, body)
        finally:
            body.close()
        return reply

    async def settle(self, reply: Reply) -> None:
        """After `message` has led to this reply: the connection goes back, and the books are told."""
        await self._give_back()
        await self._route.assessor.settle(self._draft, reply)

    async def abandon(self) -> None:
        """The transaction ends without a message: RSET, a refused MAIL, or a lost client."""
        await self._give_back()
        await self._route.assessor.abandon(self._draft)

    async def _pass_on(self, section: bytes, body: Body) -> Reply:
        reply = await self._asked(say_data)
        if self._lost:
            # The next hop lost patience while the message came in, or was restarted. It has taken nothing yet.
            reply = await self._once_more(self._repeat)
        if reply.code == 354:
            reply = await self._asked(lambda connection: self._send(connection, section, body))
        return reply

    async def _asked(self, ask: Callable[[Connection], Awaitable[Reply]]) -> Reply:
        """Ask the next hop; when it fails, the transaction has failed, and each further command says so."""
        if self._failure is not None:
            return self._failure
        try:
            if self._connection is None:
                self._connection = await self._route.pool.acquire()
            reply = await ask(self._connection)
        except NextHopError as error:
            self._drop()
            self._lost = error.reason == "lost"
            self._failure = replies.NEXT_HOP_UNREACHABLE
            return self._failure
        except BaseException:
            self._drop()
            raise
        if reply.code >= 400:
            cause = cause_of(str(reply), reply.enhanced)
            self._route.metrics.next_hop_refusals.labels(cause.replace(" ", "_")).inc()
        if reply.code == 421:  # RFC 5321 section 3.8: the next hop closes the channel
            self._lost = True
            self._failure = reply
        return reply

    async def _once_more(self, ask: Callable[[Connection], Awaitable[Reply]]) -> Reply:
        """The same on a new connection. Only for what the next hop has not taken."""
        self._drop()
        self._lost, self._failure = False, None
        return await self._asked(ask)

    async def _repeat(self, connection: Connection) -> Reply:
        """The transaction up to DATA, again. What was accepted for the client must be accepted again."""
        reply = await self._send_mail(connection)
        for argument in self._accepted:
            if reply.positive:
                reply = await connection.command(line("RCPT", argument))
        if not reply.positive:
            return reply if reply.code == 421 else replies.NEXT_HOP_CHANGED
        return await say_data(connection)

    async def _send_mail(self, connection: Connection) -> Reply:
        draft = self._draft
        argument = self._route.tagger.mail(self._argument, draft.transaction_id, draft.received_at)
        return await say_mail(connection, argument, draft.facts.xforward)

    async def _held_before(self, section: bytes, body: Body) -> Reply | None:
        """The answer to a message that we have on hold, though the client did not hear it: it must not go as well."""
        hold = self._route.hold
        if not hold.may_have(self._draft):
            return None
        reply = await hold.again(self._letter(), body.chunks(self._head(section, body)))
        return reply if reply is None or reply.positive else self._own(reply, "hold")

    async def _hold(self, section: bytes, body: Body) -> Reply:
        """Keep the message, as it would have been sent; the next hop hears RSET."""
        reply = await self._route.hold.take(self._letter(), body.chunks(self._head(section, body)))
        return reply if reply.positive else self._own(reply, "hold")

    def _letter(self) -> Letter:
        return Letter(self._draft, self._argument, tuple(self._accepted), self._received())

    async def _send(self, connection: Connection, section: bytes, body: Body) -> Reply:
        self._draft.sent_to = str(connection.server)
        return await connection.body(body.below(self._received() + self._top(section, body), len(section)))

    def _received(self) -> bytes:
        """What we write above the message: our `Received`, and our tag."""
        draft = self._draft
        line = headers.received_line(draft.arrival, draft.transaction_id, draft.received_at)
        return line + self._route.tagger.field(draft.transaction_id, draft.received_at)

    def _head(self, section: bytes, body: Body) -> bytes:
        """What of the message is in memory, under our own lines."""
        return b"".join((self._top(section, body), memoryview(body.head)[len(section) :]))

    def _top(self, section: bytes, body: Body) -> bytes:
        """The header section as it goes on under our own lines."""
        kept = headers.without(section, self._route.strip)
        # Text without any header must not become one: its first line could be read as part of ours.
        empty_line = b"" if section or body.head.startswith((b"\r\n", b".\r\n")) else b"\r\n"
        return empty_line + kept

    async def _give_back(self) -> None:
        """Return the connection with no transaction on it: after RSET where one is open, or closed if that fails."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.usable and not connection.reusable:
            try:
                await connection.command(b"RSET")
            except NextHopError:
                pass  # the connection knows, and so will the pool
            except BaseException:
                self._discard(connection)
                raise
        self._route.pool.release(connection)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._discard(connection)

    def _discard(self, connection: Connection) -> None:
        connection.close()
        self._route.pool.release(connection)

    def _own(self, reply: Reply, reason: str) -> Reply:
        self._route.metrics.reasons.labels(reason).inc()
        return reply
