"""A mail transaction while it grows: what is known so far, from MAIL to the last reply."""

from dataclasses import dataclass, field

from detector.mail.address import Address
from detector.mail.headers import Arrival
from detector.mail.transaction import UNKNOWN, Identity, Recipient, Transaction
from detector.ports import SessionFacts
from detector.verdict.verdict import Verdict


@dataclass(slots=True)
class Draft:
    """A transaction in the making."""

    transaction_id: str
    facts: SessionFacts
    arrival: Arrival
    mail_from: Address
    received_at: float
    identity: Identity = UNKNOWN
    recipients: list[Recipient] = field(default_factory=list)
    would_pace: bool = False
    judged: tuple[Transaction, Verdict] | None = None

    @property
    def queue_id(self) -> str:
        return self.facts.xforward.get("IDENT", "")

    @property
    def client(self) -> str:
        """The customer's address as the submission server tells it; never the submission server's own."""
        return self.facts.xclient.get("ADDR", "") or self.facts.xforward.get("ADDR", "")
