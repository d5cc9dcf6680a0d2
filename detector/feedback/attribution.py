"""From a line of the outbound MTA's log to the account: by queue id, and only for recipients that we handed over.

Who writes a message chooses its Message-ID and its recipients' names, and both stand in the log. So a line counts only
if the queue id is one that the next hop gave to a message of ours and the recipient is one of that message. A message
that comes back into the queue from a content filter has another queue id; it is known by what the filter answered
(`queued as`), or else by its Message-ID, if all of our messages that lately had it are of one account: a weak tie.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from detector.feedback.notices import Arrived, Attempt, Notice, Outcome
from detector.mail.address import Address
from detector.mail.causes import cause_of
from detector.mail.delivery import RECIPIENT_BYTES, Delivery, DeliveryStatus, Handed, Receipt, event_key
from detector.mail.status_codes import Cause
from detector.ports import HandedOver
from detector.traffic.memory import keyed_hash

REQUEUE_TIME = 3600.0
"""Seconds that a content filter may take before the Message-ID says nothing any more."""
MOST_ARRIVED = 20_000
"""Queue ids that lately came up in the log: a filter has answered by the time that its copy was taken."""
REPLY_LENGTH = 500
"""Characters that are kept."""

STATUSES = {
    Outcome.SENT: DeliveryStatus.DELIVERED,
    Outcome.BOUNCED: DeliveryStatus.BOUNCED,
    Outcome.DEFERRED: DeliveryStatus.DEFERRED,
}
BLOCKS = frozenset({Cause.POLICY, Cause.REPUTATION})

# A name may have 64 characters (RFC 5321 section 4.5.3.1.1); without a bound, a long word is looked at again and again.
_ADDRESS = re.compile(r"[^\s<>@\"(]{1,64}@[^\s<>@\",:;)]+")


class Known(NamedTuple):
    """`weak`: by its Message-ID only."""

    handed: Handed
    weak: bool


@dataclass(slots=True)
class Attribution:
    """Knows one log. `servers` are the next hops (`host:port`) that it may speak of.

    `own_ports` are those on which we listen for mail: what a submission server in the same log hears from us is no
    news. Methods raise `Temporary`.
    """

    source: str
    servers: Sequence[str]
    handed_over: HandedOver
    recipient_key: bytes
    own_ports: frozenset[str] = frozenset()
    _arrived: OrderedDict[str, None] = field(init=False, default_factory=OrderedDict)
    _found: dict[str, Known | None] = field(init=False, default_factory=dict)

    async def look_up(self, notices: Iterable[Notice]) -> None:
        """Find in one go what the next calls of `delivery` will need; what was found for earlier ones is let go.

        A read of the disk is a journey to a thread and back, which takes as long as everything else about a line.
        """
        named = {notice.queue_id: None for notice in notices}
        named |= {one.next_queue_id: None for one in notices if isinstance(one, Attempt) and one.next_queue_id}
        self._found = await self._find_all(named)

    async def delivery(self, notice: Notice, now: float) -> Delivery | str:
        """What counts for an account; otherwise why it does not, as the label of a metric."""
        if isinstance(notice, Arrived):
            await self._arrive(notice, now)
            return "other"
        if notice.relay.rpartition(":")[2] in self.own_ports:
            return "other"
        known = await self._find(notice.queue_id)
        recipient = self._recipient(notice, known.handed) if known is not None else None
        if known is None or recipient is None:
            return "stranger"
        if await self._passed(notice, known.handed, recipient, now):
            return "passed"
        return _delivery(notice, known, recipient, now, self.source)

    async def _arrive(self, notice: Arrived, now: float) -> None:
        self._arrived[notice.queue_id] = None
        if len(self._arrived) > MOST_ARRIVED:
            self._arrived.popitem(last=False)
        if not notice.message_id or await self._find(notice.queue_id) is not None:
            return
        known = await self.handed_over.by_message_id(notice.message_id)
        known = [handed for handed in known if now - handed.at <= REQUEUE_TIME]
        if len({handed.account for handed in known}) != 1:
            return
        recipients = frozenset[bytes]().union(*(handed.recipients for handed in known))
        first_time = frozenset[bytes]().union(*(handed.first_time for handed in known))
        whole = replace(known[-1], recipients=recipients, first_time=first_time)
        await self._remember(self._weakly, notice.queue_id, whole, now)

    async def _passed(self, notice: Attempt, handed: Handed, recipient: bytes, now: float) -> bool:
        """Whether this was no delivery, but a content filter that gave the message back to the same server."""
        if not notice.next_queue_id or notice.next_queue_id == notice.queue_id:
            return False
        following = await self._find(notice.next_queue_id)
        if following is None and notice.next_queue_id not in self._arrived:
            return False
        if following is not None and not following.weak:
            return following.handed.account == handed.account and recipient in following.handed.recipients
        await self._remember(self._here, notice.next_queue_id, handed, now)
        return True

    async def _remember(self, server: str, queue_id: str, handed: Handed, now: float) -> None:
        await self.handed_over.remember(Receipt(server, queue_id), handed, now)
        if queue_id in self._found:  # nobody else knew it better
            self._found[queue_id] = Known(handed, server == self._weakly)

    async def _find(self, queue_id: str) -> Known | None:
        if queue_id not in self._found:
            return (await self._find_all([queue_id]))[queue_id]
        return self._found[queue_id]

    async def _find_all(self, queue_ids: Iterable[str]) -> dict[str, Known | None]:
        """Of several servers the first one counts; what only this log has told comes last."""
        servers = (*self.servers, self._here, self._weakly)
        there = await self.handed_over.by_queue_ids([(server, one) for one in queue_ids for server in servers])
        found: dict[str, Known | None] = {}
        for one in queue_ids:
            server = next((server for server in servers if (server, one) in there), None)
            found[one] = Known(there[server, one], server == self._weakly) if server is not None else None
        return found

    @property
    def _here(self) -> str:
        """Stands for the server that writes this log, whatever its address."""
        return f"log {self.source}"

    @property
    def _weakly(self) -> str:
        return f"log by message-id {self.source}"

    def _recipient(self, notice: Attempt, handed: Handed) -> bytes | None:
        for text in notice.recipients:
            hashed = keyed_hash(Address.parse(text).key, self.recipient_key, RECIPIENT_BYTES)
            if hashed in handed.recipients:
                return hashed
        return None


def _delivery(notice: Attempt, known: Known, recipient: bytes, now: float, source: str) -> Delivery:
    handed = known.handed
    status = STATUSES[notice.outcome]
    cause = None if notice.outcome is Outcome.SENT else cause_of(notice.reply, notice.enhanced)
    if status is DeliveryStatus.BOUNCED and cause in BLOCKS:
        status = DeliveryStatus.BLOCKED
    return Delivery(
        account=handed.account,
        transaction_id=handed.transaction_id,
        recipient=recipient,
        status=status,
        enhanced=notice.enhanced,
        reply=_ADDRESS.sub("(address)", notice.reply)[:REPLY_LENGTH],  # addresses are kept as hashes only
        cause=cause,
        at=now,
        source=source,
        key=event_key(notice.line),  # with stamp, queue id, recipient and delay: no other event has the same
        stream=handed.stream,
        first_time=recipient in handed.first_time,
        trusted=handed.trusted,
        weak=known.weak,
    )
