"""What the records answer with. Times are in Unix seconds."""

from dataclasses import dataclass, field

from detector.traffic.cohort import Cohort
from detector.verdict.declaration import Declaration
from detector.verdict.verdict import Verdict


class UnknownIncident(KeyError):
    """There is no incident of this id."""

    def __str__(self) -> str:
        return f"there is no incident {self.args[0]}"


class AuditBroken(Exception):
    """The audit log was changed afterwards; the text names the first entry that does not fit."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of an incident's story. `actor` is a person, or `detector` for the program itself.

    `began_at`: of what took a time, the other end of it; a step that was tried again tells each attempt.
    """

    at: float
    actor: str
    event: str
    detail: str
    began_at: float | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """A person decided that the account is let through, until `until` (None: until revoked).

    With ceilings it declares bulk mail: it lets through while the account is within them. Without, whatever is found.
    """

    account: str
    until: float | None
    actor: str
    reason: str
    recipients_per_hour: int | None = None
    recipients_per_day: int | None = None

    def holds(self, now: float) -> bool:
        return self.until is None or now < self.until

    @property
    def declaration(self) -> Declaration:
        return Declaration(self.recipients_per_hour, self.recipients_per_day)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the relay must know of every account: `blocks` maps an account to the incident that blocks it.

    `exemptions` may hold some that have run out: ask `Exemption.holds`. `cohorts` are those that a person assigned.
    """

    blocks: dict[str, str]
    exemptions: dict[str, Exemption]
    cohorts: dict[str, Cohort] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forgiveness:
    """A block was lifted: the evidence that led to it must not block the account again. `sequence` only grows.

    `probation`: the account was hijacked, and comes back step by step.
    """

    sequence: int
    account: str
    at: float
    probation: bool = False


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was learned about the account until then is to be erased. `sequence` only grows."""

    sequence: int
    account: str
    at: float


@dataclass(frozen=True, slots=True)
class VerdictNote:
    """A suspicious transaction as it is kept: `recipients` counts them by status, their addresses are not kept."""

    at: float
    account: str
    transaction_id: str
    identity_source: str
    client: str
    recipients: dict[str, int]
    size_bytes: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to whom. `hash` seals this entry and all before it (SHA-256, hexadecimal)."""

    number: int
    at: float
    actor: str
    action: str
    subject: str
    detail: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Where an audit log ends: the number of its last entry, and the hash that seals all up to it."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Termination:
    """A person decided whether an account that had enough strikes loses the service (`ended`), or keeps it."""

    account: str
    at: float
    actor: str
    ended: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A one-time code with which a customer may end the block; only its hash with `salt` is kept."""

    account: str
    at: float
    salt: str
    code: str = field(repr=False)
