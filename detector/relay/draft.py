"""A mail transaction while it grows: what is known so far, from MAIL to the last reply."""

from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct, field

from detector.mail.address import Address
from detector.mail.headers import Arrival
from detector.mail.reply import Reply
from detector.mail.transaction import UNKNOWN, Identity, Recipient, Transaction
from detector.ports import SessionFacts
from detector.relay.time_left import TimeLeft
from detector.verdict.verdict import Verdict


class Draft(Struct, gc=False):
    """A transaction in the making. `waits`: to be held; `held`: it is, on disk. `sent_to`: that next hop.

    `asked`: at MAIL nobody who may know its account has failed to answer.
    """

    transaction_id: str
    facts: SessionFacts
    arrival: Arrival
    mail_from: Address
    received_at: float
    identity: Identity = UNKNOWN
    asked: bool = False
    recipients: list[Recipient] = field(default_factory=list)
    would_pace: bool = False
    judged: tuple[Transaction, Verdict] | None = None
    waits: bool = False
    held: bool = False
    message_id: str = ""
    sent_to: str = ""
    time_left: TimeLeft = field(default_factory=TimeLeft)

    @property
    def queue_id(self) -> str:
        return self.facts.xforward.get("IDENT", "")

    @property
    def client(self) -> str:
        """The customer's address as the submission server tells it; never the submission server's own."""
        return self.facts.xclient.get("ADDR", "") or self.facts.xforward.get("ADDR", "")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to be held: the arguments of MAIL and of each accepted RCPT word for word, and our `Received`."""

    draft: Draft
    mail: str
    recipients: tuple[str, ...]
    received: bytes


class Hold(Protocol):
    """Where doubtful mail waits. `chunks` is the message below `received`, dot-stuffed, with the end mark."""

    def may_have(self, draft: Draft) -> bool:
        """Whether a message of this queue id was held before. Never waits."""
        ...

    async def again(self, letter: Letter, chunks: AsyncIterable[bytes]) -> Reply | None:
        """What to answer when this very message was held, and is handed over again because our 250 was not heard.

        250, and `draft.held` is set; 4xx when that cannot be told now; None when it is another message.
        """
        ...

    async def take(self, letter: Letter, chunks: AsyncIterable[bytes]) -> Reply:
        """Keep it: 250 when it is on disk and recorded, and `draft.held` is set; 4xx when it cannot be kept."""
        ...
