"""What is recorded of a held message, and what people can decide about it. Times are in Unix seconds."""

from dataclasses import dataclass
from enum import StrEnum

from detector.mail.transaction import Transaction
from detector.verdict.hold import Held
from detector.verdict.verdict import Verdict


class HeldState(StrEnum):
    """Where a held message stands."""

    HELD = "held"  # waits for better evidence, or for people
    RELEASING = "releasing"  # may go; it is sent as soon as the next hop takes it
    SENDING = "sending"  # its end mark may be on the way: what became of it only the next hop knows
    RELEASED = "released"  # the next hop has taken it
    RETURNED = "returned"  # the next hop refused it, and a report to the reverse-path was written
    DISCARDED = "discarded"  # its file is erased after a time
    UNDELIVERABLE = "undeliverable"  # refused, and nobody could be told
    IN_DOUBT = "in_doubt"  # we died or lost the connection while it was `sending` (RFC 1047): people decide


ENDED = frozenset({HeldState.RELEASED, HeldState.RETURNED, HeldState.DISCARDED})
"""Nothing more is done with them; the row goes after a time."""

UNDECIDED = frozenset({HeldState.HELD, HeldState.UNDELIVERABLE, HeldState.IN_DOUBT})
"""They wait for better evidence, or for people."""


class RecipientState(StrEnum):
    """Where one recipient of a held message stands."""

    WAITING = "waiting"
    SENDING = "sending"  # as in `HeldState`: it is not known whether he has it
    SENT = "sent"
    REFUSED = "refused"
    REPORTED = "reported"  # refused, and a report to the reverse-path was written


@dataclass(frozen=True, slots=True)
class HeldRecipient:
    """`argument` is what followed RCPT, word for word; `reply` is the next hop's last answer about him."""

    argument: str
    state: RecipientState = RecipientState.WAITING
    reply: str = ""


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """One held message, as the records know it. Its content is in the file `message_id` of the spool `spool`.

    `message_id` is the transaction's id. `mail` is what followed MAIL, word for word; `xforward` the attributes that
    came with it. `transaction` is without recipients and content. `verdict` is why it was held, for people; `evidence`
    what it is decided again by. `digest` is equal for the same message handed over twice, empty where that cannot be
    told. `about` names the message that this one is the report on. `released_at` is when its release was decided:
    from then on it is tried. `decided_by` names a person, or `detector`.
    """

    message_id: str
    spool: str
    account: str
    mail: str
    recipients: tuple[HeldRecipient, ...]
    xforward: dict[str, str]
    transaction: Transaction
    verdict: Verdict
    evidence: Held
    size_bytes: int
    held_at: float
    changed_at: float
    key_id: str
    state: HeldState = HeldState.HELD
    incident_id: str | None = None
    fingerprint: str = ""
    digest: str = ""
    about: str = ""
    attempts: int = 0
    next_attempt_at: float = 0.0
    released_at: float | None = None
    decided_by: str = ""
    decided_at: float | None = None
    reason: str = ""
    problem: str = ""
    erased: bool = False

    def with_state(self, state: RecipientState) -> tuple[HeldRecipient, ...]:
        """The recipients in this state."""
        return tuple(one for one in self.recipients if one.state is state)


class HeldDecision(StrEnum):
    """What a person can decide."""

    RELEASE = "release"
    RELEASE_AGAIN = "release again"  # also what may have arrived already
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class HeldSelection:
    """Which held messages: all conditions that are not empty must hold. Without any it selects nothing."""

    message: str = ""
    account: str = ""
    incident: str = ""
    fingerprint: str = ""

    def __str__(self) -> str:
        named = (("message", self.message), ("account", self.account))
        more = (("incident", self.incident), ("fingerprint", self.fingerprint))
        return ", ".join(f"{name} {value}" for name, value in (*named, *more) if value)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt to send: written as a whole, with the report to the sender if one is due."""

    message_id: str
    state: HeldState
    recipients: tuple[HeldRecipient, ...]
    at: float
    next_attempt_at: float = 0.0
    problem: str = ""
    report: HeldMessage | None = None


@dataclass(frozen=True, slots=True)
class HeldUse:
    """Messages of one account in one state: how many, how many octets, and since when the oldest is held."""

    account: str
    state: HeldState
    messages: int
    size_bytes: int
    oldest: float
