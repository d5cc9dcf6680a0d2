"""One attempt to send a held message, so that nothing is ever sent twice.

Everything but the end mark is sent, then the message is claimed in the records, then the end mark leaves. Until the
claim nothing has happened, whatever breaks. After it only the next hop's reply tells what happened; without one the
message is in doubt (RFC 1047) and people decide.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from detector.mail.delivery import Receipt, queue_id_of
from detector.mail.path import parse_rcpt
from detector.mail.reply import Reply
from detector.mail.transaction import Recipient, RecipientStatus
from detector.ports import Clock, Temporary
from detector.records.held_entries import HeldMessage, HeldRecipient, RecipientState
from detector.records.records import Records
from detector.relay.command_lines import say_data, say_mail, status
from detector.relay.held_files import HeldFiles
from detector.relay.held_intake import END
from detector.relay.held_seal import Unreadable
from detector.relay.next_hop import Connection, NextHopError
from detector.relay.pool import Pool
from detector.relay.upstream import give_back


class Withdrawn(Exception):
    """Somebody decided otherwise before the end mark left."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of each recipient. `fault` is a label for what went wrong, `problem` its words."""

    recipients: tuple[HeldRecipient, ...]
    fault: str = ""
    problem: str = ""
    taken: Receipt | None = None


class Courier:
    """Carries messages to the next hop, one attempt each."""

    def __init__(self, files: HeldFiles, records: Records, clock: Clock) -> None:
        self._files = files
        self._records = records
        self._clock = clock

    async def attempt(self, message: HeldMessage, pool: Pool) -> Delivery:
        """Raises `Withdrawn`."""
        delivery = await self._attempt(message, pool)
        # A kept connection may end just when we take it; nothing was accepted on it, so all may be said again.
        return delivery if delivery.fault != "lost" else await self._attempt(message, pool)

    async def _attempt(self, message: HeldMessage, pool: Pool) -> Delivery:
        attempt = _Attempt(self, message)
        try:
            connection = await pool.acquire()
        except NextHopError as error:
            return Delivery(message.recipients, "next_hop", str(error))
        try:
            return await attempt.on(connection)
        except NextHopError as error:
            lost = (error.reason == "lost" or connection.wire.rested) and not attempt.claimed
            return attempt.interrupted("lost" if lost else "next_hop", str(error))
        except Unreadable as error:
            return attempt.interrupted("unreadable", str(error))
        except Temporary as error:  # the claim; if it was written all the same, the row is `sending` and nothing left
            return attempt.interrupted("records", str(error))
        finally:
            await give_back(pool, connection)

    async def chunks(self, message: HeldMessage, asked: "_Attempt") -> AsyncIterator[bytes]:
        """The message; the claim comes before its end mark. Raises `Unreadable`, `Temporary` and `Withdrawn`."""
        pieces = self._files.read(message.message_id)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece
        claimed = await asyncio.to_thread(
            self._records.claim_held, message.message_id, asked.with_accepted(RecipientState.SENDING), self._clock()
        )
        if not claimed:
            raise Withdrawn
        asked.claimed = True
        yield END


class _Attempt:
    """The recipients while they are asked for."""

    def __init__(self, courier: Courier, message: HeldMessage) -> None:
        self.claimed = False
        self._courier = courier
        self._message = message
        self._recipients = list(message.recipients)
        self._accepted: set[int] = set()

    async def on(self, connection: Connection) -> Delivery:
        places = [place for place, one in enumerate(self._recipients) if one.state is RecipientState.WAITING]
        arguments = [self._recipients[place].argument for place in places]
        reply, *answers = await say_mail(connection, self._message.mail, arguments, self._message.xforward)
        if not reply.positive:
            return self._all_hear(reply, range(len(self._recipients)))
        for place, answer in zip(places, answers, strict=True):
            if answer.positive:
                self._accepted.add(place)
            else:
                self._hear(place, answer)
        if not self._accepted:
            return self._done()
        (reply,) = await say_data(connection)
        if reply.code == 354:
            reply = await connection.body(self._courier.chunks(self._message, self))
        if not reply.positive:
            return self._all_hear(reply, sorted(self._accepted))
        self._recipients = list(self.with_accepted(RecipientState.SENT, str(reply)))
        return replace(self._done(), taken=Receipt(str(connection.server), queue_id_of(reply)))

    def _hear(self, place: int, reply: Reply) -> None:
        recipient = self._recipients[place]
        refused = recipient.state is RecipientState.WAITING and status(reply) is RecipientStatus.REFUSED
        state = RecipientState.REFUSED if refused else recipient.state
        self._recipients[place] = replace(recipient, state=state, reply=str(reply))

    def _all_hear(self, reply: Reply, places: Sequence[int]) -> Delivery:
        for place in places:
            if self._recipients[place].state is RecipientState.WAITING:
                self._hear(place, reply)
        return self._done()

    def _done(self) -> Delivery:
        waiting = [one.reply for one in self._recipients if one.state is RecipientState.WAITING]
        return Delivery(tuple(self._recipients), "deferred" if waiting else "", waiting[0] if waiting else "")

    def interrupted(self, fault: str, problem: str) -> Delivery:
        """No reply to the message came, or it was never asked for."""
        recipients = self.with_accepted(RecipientState.SENDING) if self.claimed else tuple(self._recipients)
        return Delivery(recipients, fault, problem)

    def with_accepted(self, state: RecipientState, reply: str = "") -> tuple[HeldRecipient, ...]:
        return tuple(
            replace(recipient, state=state, reply=reply) if place in self._accepted else recipient
            for place, recipient in enumerate(self._recipients)
        )


def as_told(before: HeldMessage, delivery: Delivery) -> tuple[Recipient, ...]:
    """The recipients of this attempt, for the account's profile."""
    meaning = {
        RecipientState.SENT: RecipientStatus.ACCEPTED,
        RecipientState.SENDING: RecipientStatus.ACCEPTED,
        RecipientState.REFUSED: RecipientStatus.REFUSED,
    }
    return tuple(
        Recipient(parse_rcpt(now.argument).address, meaning.get(now.state, RecipientStatus.DEFERRED))
        for was, now in zip(before.recipients, delivery.recipients, strict=True)
        if was.state is RecipientState.WAITING
    )
