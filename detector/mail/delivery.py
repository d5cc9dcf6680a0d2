"""What became of a recipient after the next hop took the message over, and whose message it was."""

import re
from enum import StrEnum
from hashlib import blake2b

from msgspec import Struct

from detector.mail.reply import Reply
from detector.mail.status_codes import Cause
from detector.mail.transaction import Stream

RECIPIENT_BYTES = 8
"""Of a recipient's keyed hash: among a billion of them no two are the same by chance."""

# Postfix: `250 2.0.0 Ok: queued as 4XyZ1`. Exim: `250 OK id=1xV2CX-0002CW-2L`.
_QUEUE_ID = re.compile(r"(?:queued as |OK id=)([\w-]{1,64})\W*\Z")


class DeliveryStatus(StrEnum):
    """How one attempt to deliver ended."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"  # given up
    DEFERRED = "deferred"  # it will be tried again
    BLOCKED = "blocked"  # refused for what it is, or for where it comes from: spam, policy, reputation


class Handed(Struct, frozen=True, gc=False):
    """A transaction that the next hop took over, at this time (Unix seconds).

    Recipients are keyed hashes (`traffic.memory.keyed_hash`) of `RECIPIENT_BYTES`; `first_time` are those among them
    whom the account had never reached. `trusted`: the identity was (`mail.transaction.Identity`).
    """

    account: str
    transaction_id: str
    stream: Stream
    at: float
    recipients: frozenset[bytes]
    first_time: frozenset[bytes] = frozenset()
    trusted: bool = False


class Receipt(Struct, frozen=True, gc=False):
    """By what a message is known to the server (`host:port`) that took it over; empty is what it did not tell."""

    server: str
    queue_id: str
    message_id: str = ""


class Delivery(Struct, frozen=True):
    """One attempt for one recipient of a transaction (RFC 3463 `enhanced`, and the words of the last server).

    `at` is our time (Unix seconds), `source` names the log, `key` is the same whenever the same event is told again.
    `weak`: only a Message-ID ties it to the transaction, and that is known to everybody who was written to. `reported`:
    it came as mail, which everybody can write who received the message.
    """

    account: str
    transaction_id: str
    recipient: bytes
    status: DeliveryStatus
    enhanced: str
    reply: str
    cause: Cause | None
    at: float
    source: str
    key: bytes
    stream: Stream = Stream.PERSONAL
    first_time: bool = False
    trusted: bool = False
    weak: bool = False
    reported: bool = False


class Complained(Struct, frozen=True):
    """A recipient of a transaction called it abuse; the fields are those of `Delivery`.

    `recipient` is empty where the report does not tell who it was.
    """

    account: str
    transaction_id: str
    recipient: bytes
    at: float
    stream: Stream = Stream.PERSONAL
    trusted: bool = False
    weak: bool = False


def queue_id_of(reply: Reply) -> str:
    """How the server that accepted a message calls it; empty if its reply does not tell.

    >>> queue_id_of(Reply(250, ("2.0.0 Ok: queued as 4XyZ1",))), queue_id_of(Reply(250, ("OK id=1xV2CX-0002CW-2L",)))
    ('4XyZ1', '1xV2CX-0002CW-2L')
    """
    match = _QUEUE_ID.search(reply.lines[-1]) if reply.positive and reply.lines else None
    return match[1] if match is not None else ""


def event_key(*parts: bytes) -> bytes:
    """16 octets that stand for these parts, and for no others."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()
