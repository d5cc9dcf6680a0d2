"""One mail transaction between a client and the next hop: passed through as it comes.

MAIL and RCPT go on at once, word for word; the body goes on after the verdict. Nothing is answered with 250 that
the next hop did not accept.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from detector.mail import headers, xtext
from detector.mail.path import Path
from detector.mail.reply import Reply
from detector.mail.transaction import Recipient, RecipientStatus
from detector.metrics import Metrics
from detector.relay import replies
from detector.relay.assess import Assessor
from detector.relay.body import Body
from detector.relay.draft import Draft
from detector.relay.next_hop import Connection, NextHopError
from detector.relay.pool import Pool


@dataclass(frozen=True, slots=True)
class Route:
    """What every transaction needs to be passed on; replaced as a whole when the configuration is reloaded."""

    pool: Pool
    assessor: Assessor
    metrics: Metrics
    strip: frozenset[str]
    size_limit_bytes: int
    recipients_limit: int


class Exchange:
    """The life of one transaction. `abandon` or `message` ends it."""

    def __init__(self, route: Route, draft: Draft, mail_from: Path, argument: str) -> None:
        self._route = route
        self._draft = draft
        self._mail_from = mail_from
        self._argument = argument
        self._connection: Connection | None = None
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
        if reply is replies.NEXT_HOP_UNREACHABLE and self._lost:
            # A kept connection may end just when we take it; nothing was accepted on it, so MAIL may be said again.
            self._failure = None
            reply = await self._asked(self._send_mail)
        return reply

    async def rcpt(self, recipient: Path, argument: str) -> Reply:
        if self._failure is not None:
            return self._failure
        if len(self._draft.recipients) >= self._route.recipients_limit:
            return self._own(replies.TOO_MANY_RECIPIENTS, "recipients")
        refusal = await self._route.assessor.admit(self._draft, recipient.address)
        if refusal is not None:
            return refusal
        reply = await self._asked(lambda connection: connection.command(_line("RCPT", argument)))
        code = reply.enhanced or str(reply.code)
        self._draft.recipients.append(Recipient(recipient.address, _status(reply), code))
        return reply

    def data_refusal(self) -> Reply | None:
        """Why DATA makes no sense now, if so."""
        if self._failure is not None:
            return self._failure
        statuses = {recipient.status for recipient in self._draft.recipients}
        if RecipientStatus.ACCEPTED in statuses:
            return None
        if statuses & {RecipientStatus.PACED, RecipientStatus.DEFERRED}:
            return replies.RECIPIENT_PACED
        return replies.NO_VALID_RECIPIENTS if statuses else replies.RCPT_FIRST

    async def message(self, body: Body) -> Reply:
        """Judge the complete message; pass it on or refuse it. The final reply is the next hop's."""
        try:
            section = headers.header_section(body.head)
            refusal = await self._route.assessor.decide(self._draft, section, body)
            reply = refusal or await self._asked(lambda connection: self._send(connection, section, body))
        finally:
            body.close()
        await self._give_back()
        await self._route.assessor.settle(self._draft, reply)
        return reply

    async def abandon(self) -> None:
        """The transaction ends without a message: RSET, a refused MAIL, or a lost client."""
        await self._give_back()
        await self._route.assessor.abandon(self._draft)

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
        if reply.code == 421:
            self._failure = reply  # RFC 5321 section 3.8: the next hop closes the channel
        return reply

    async def _send_mail(self, connection: Connection) -> Reply:
        lines = [_line("MAIL", self._argument)]
        if self._draft.facts.xforward and connection.capabilities.offers("XFORWARD"):
            lines = [*_xforward_lines(self._draft.facts.xforward), *lines]
        return (await connection.commands(lines))[-1]

    async def _send(self, connection: Connection, section: bytes, body: Body) -> Reply:
        reply = await connection.command(b"DATA")
        if reply.code != 354:
            return reply
        received = headers.received_line(self._draft.arrival, self._draft.transaction_id, self._draft.received_at)
        kept = headers.without(section, self._route.strip)
        head = b"".join((received, kept, memoryview(body.head)[len(section) :]))
        return await connection.body(body.chunks(head))

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


def _line(verb: str, argument: str) -> bytes:
    return f"{verb} {argument}".encode("utf-8", "surrogateescape")


def _status(reply: Reply) -> RecipientStatus:
    if reply.positive:
        return RecipientStatus.ACCEPTED
    return RecipientStatus.DEFERRED if reply.transient else RecipientStatus.REFUSED


def _xforward_lines(attributes: dict[str, str]) -> list[bytes]:
    """XFORWARD commands of at most 512 octets each (XFORWARD_README)."""
    return [f"XFORWARD {name}={xtext.encode(value) or '[UNAVAILABLE]'}".encode() for name, value in attributes.items()]
