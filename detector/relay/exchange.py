"""One mail transaction between a client and the next hop: passed through as it comes.

MAIL and RCPT go on at once, word for word; the body goes on after the verdict. Nothing is answered with 250 that
the next hop did not accept, or that is not on hold: on disk and recorded.
"""

from collections.abc import Awaitable, Sequence
from functools import partial

from detector import log
from detector.mail import headers
from detector.mail.path import Path
from detector.mail.reply import Reply
from detector.mail.transaction import Recipient, RecipientStatus
from detector.relay import replies
from detector.relay.body import DISK_TIME, Body
from detector.relay.command_lines import say_data, say_mail, say_rcpt, status
from detector.relay.draft import Draft, Letter
from detector.relay.next_hop import Connection
from detector.relay.route import Route
from detector.relay.upstream import Upstream

Asked = tuple[Path, str]
"""A recipient, and the argument of RCPT word for word."""


class Exchange:
    """The life of one transaction. `abandon` ends it, or `message`, the answer to the client, and `settle`."""

    def __init__(self, route: Route, draft: Draft, mail_from: Path, argument: str) -> None:
        self._route = route
        self._draft = draft
        self._mail_from = mail_from
        self._argument = argument
        self._next_hop = Upstream(route.pool, route.metrics)
        self._accepted: list[str] = []

    @property
    def size_limit_bytes(self) -> int:
        return self._route.size_limit_bytes

    async def mail(self, recipients: Sequence[Asked] = ()) -> list[Reply]:
        """Ask what we think of the account, then the next hop what it thinks of the sender.

        `recipients` came together with it (RFC 2920) and go on together; a reply for each of them, too.
        """
        refusal = await self._refusal()
        if refusal is not None:
            return [refusal, *[replies.MAIL_FIRST] * len(recipients)]
        places = await self._places(recipients) if recipients else ()
        arguments = _admitted(recipients, places) if recipients else ()
        reply, *answers = await self._next_hop.ask(partial(self._send_mail, arguments), 1 + len(arguments))
        if self._next_hop.lost:
            # A kept connection may end just when we take it; the client has heard nothing, so it may be said again.
            reply, *answers = await self._next_hop.ask_anew(partial(self._send_mail, arguments), 1 + len(arguments))
        if not reply.positive:
            return [reply, *[replies.MAIL_FIRST] * len(recipients)]
        return [reply, *self._noted(recipients, places, answers)] if recipients else [reply]

    async def rcpt(self, recipient: Path, argument: str) -> Reply:
        """Ask what we think of the recipient, then the next hop."""
        place = await self._admit(recipient)
        if isinstance(place, Reply):
            return place
        (reply,) = await self._next_hop.ask(partial(say_rcpt, [argument]))
        return self._note(place, recipient, argument, reply)

    async def rcpt_all(self, recipients: Sequence[Asked]) -> list[Reply]:
        """As `rcpt`, for several that came together; a reply for each."""
        places = await self._places(recipients)
        arguments = _admitted(recipients, places)
        answers = await self._next_hop.ask(partial(say_rcpt, arguments), len(arguments)) if arguments else ()
        return self._noted(recipients, places, answers)

    def data_refusal(self) -> Reply | None:
        """Why DATA makes no sense now, if so."""
        if self._next_hop.failure is not None:
            return self._next_hop.failure
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
        except OSError as error:  # of a large message, what is not in memory: it cannot be read again
            log.spool_failed(str(error) or f"no answer within {DISK_TIME:g} s")
            reply = self._own(replies.NO_STORAGE, "message")
        finally:
            body.close()
        return reply

    async def settle(self, reply: Reply) -> None:
        """After `message` has led to this reply: the connection goes back, and the books are told."""
        await self._next_hop.give_back()
        await self._route.assessor.settle(self._draft, reply)

    async def abandon(self) -> None:
        """The transaction ends without a message: RSET, a refused MAIL, or a lost client."""
        await self._next_hop.give_back()
        await self._route.assessor.abandon(self._draft)

    async def _refusal(self) -> Reply | None:
        """Why the transaction may not begin, if so."""
        if (self._mail_from.size_bytes or 0) > self._route.size_limit_bytes:
            return self._own(replies.TOO_LARGE, "size")
        return await self._route.assessor.begin(self._draft)

    async def _admit(self, recipient: Path) -> Reply | int:
        """Our refusal, or where it stands on the list."""
        if self._next_hop.failure is not None:
            return self._next_hop.failure
        recipients = self._draft.recipients
        if len(recipients) >= self._route.recipients_limit:
            return self._own(replies.TOO_MANY_RECIPIENTS, "recipients")
        refusal = await self._route.assessor.admit(self._draft, recipient.address)
        if refusal is not None:
            return refusal
        # On the list before the answer is there: a client that goes away meanwhile gives its place back.
        recipients.append(Recipient(recipient.address, RecipientStatus.DEFERRED))
        return len(recipients) - 1

    async def _places(self, recipients: Sequence[Asked]) -> list[Reply | int]:
        return [await self._admit(recipient) for recipient, _ in recipients]

    def _noted(self, asked: Sequence[Asked], places: Sequence[Reply | int], answers: Sequence[Reply]) -> list[Reply]:
        """A reply for each: our refusal, or the next hop's answer, which is noted in its place."""
        rest = iter(answers)
        return [
            place if isinstance(place, Reply) else self._note(place, recipient, argument, next(rest))
            for (recipient, argument), place in zip(asked, places, strict=True)
        ]

    def _note(self, place: int, recipient: Path, argument: str, reply: Reply) -> Reply:
        code = reply.enhanced or str(reply.code)
        self._draft.recipients[place] = Recipient(recipient.address, status(reply), code)
        if reply.positive:
            self._accepted.append(argument)
        return reply

    async def _pass_on(self, section: bytes, body: Body) -> Reply:
        (reply,) = await self._next_hop.ask(say_data)
        if self._next_hop.lost:
            # The next hop lost patience while the message came in, or was restarted. It has taken nothing yet.
            (reply,) = await self._next_hop.ask_anew(self._repeat)
        if reply.code == 354:
            (reply,) = await self._next_hop.ask(lambda connection: self._send(connection, section, body))
        return reply

    async def _repeat(self, connection: Connection) -> list[Reply]:
        """The transaction up to DATA, again. What was accepted for the client must be accepted again."""
        answers = await self._send_mail(self._accepted, connection)
        problem = next((reply for reply in answers if not reply.positive), None)
        if problem is None:
            return await say_data(connection)
        return [problem if problem.code == 421 else replies.NEXT_HOP_CHANGED]

    def _send_mail(self, recipients: Sequence[str], connection: Connection) -> Awaitable[list[Reply]]:
        draft = self._draft
        argument = self._route.tagger.mail(self._argument, draft.transaction_id, draft.received_at)
        return say_mail(connection, argument, recipients, draft.facts.xforward)

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

    async def _send(self, connection: Connection, section: bytes, body: Body) -> list[Reply]:
        self._draft.sent_to = str(connection.server)
        return [await connection.body(body.below(self._received() + self._top(section, body), len(section)))]

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

    def _own(self, reply: Reply, reason: str) -> Reply:
        self._route.metrics.reasons.labels(reason).inc()
        return reply


def _admitted(asked: Sequence[Asked], places: Sequence[Reply | int]) -> list[str]:
    """What the next hop is asked."""
    return [argument for (_, argument), place in zip(asked, places, strict=True) if isinstance(place, int)]
