"""What an operator can replace, and the errors that say whose turn it is (the third, ConfigError, is in `config`).

Implementations live in the outer rooms and are chosen in `app.py`; every port has one contract test for all of them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from msgspec import Struct

from detector.incident.notice import Notice
from detector.mail.delivery import Complained, Delivery, Handed, Receipt
from detector.mail.login import PolicyRequest
from detector.mail.transaction import Identity, Transaction
from detector.traffic.profile import Profile
from detector.verdict.answer import Answer
from detector.verdict.verdict import Verdict

T = TypeVar("T")

Clock = Callable[[], float]
"""Now, in Unix seconds. Constructed in `app.py`; a test passes its own."""


class Temporary(Exception):
    """It did not work this time; trying again may help."""


class Refused(Exception):
    """It will not work however often it is tried."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that must not appear in logs, argument lists or mail: its repr is blank."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return "(secret)"


@dataclass(frozen=True, slots=True)
class Contact:
    """How a customer is reached on a way that a thief of the account does not control.

    What is empty is not known: `address` is for e-mail, `telephone` for a gateway of short messages, `postal_address`
    (several lines) for a letter. `language` is a tag of RFC 5646, such as `de` or `pt-BR`.
    """

    account: str
    address: str = ""
    name: str = ""
    language: str = ""
    telephone: str = ""
    postal_address: str = ""


class ProfileStore(Protocol):
    """Account profiles. An account that was never seen has an empty profile."""

    async def update(self, account: str, function: Callable[[Profile], tuple[Profile, T]]) -> T:
        """Replace the profile by what `function` makes of it, atomically, and give back the function's answer.

        `function` is pure and may be called more than once. An empty profile is erased from the store. Raises
        `Temporary` when the store is out of reach.
        """
        ...

    async def read(self, account: str) -> Profile: ...

    async def forget_idle(self, before: float) -> None:
        """Erase the profiles of accounts that have sent nothing since then (Unix seconds), in a while."""

    async def accounts(self) -> Sequence[str]: ...


class BlockNews(Protocol):
    """Tells other processes and hosts of blocks, faster than the records do."""

    def tell(self, account: str, incident_id: str) -> None:
        """The account is blocked as of now. Never waits, and never fails: the records have it, too."""

    async def listen(self, hear: Callable[[str, str], None]) -> None:
        """Pass on what anybody tells, oneself too, until it is cancelled."""


class Claims(Protocol):
    """Says which of several hosts has done something. Raises `Temporary` when nobody can tell."""

    async def claim(self, what: bytes) -> bool:
        """Whether it is ours now: nobody else has claimed it."""

    async def taken(self, what: bytes) -> bool:
        """Whether another host has it."""


class LoginJoin(Protocol):
    """Remembers which login stands behind a queue id, for as long as Postfix may keep the message."""

    @property
    def whole(self) -> bool:
        """Whether there is none where it finds none; otherwise those that are in reach know of none."""
        ...

    async def remember(self, request: PolicyRequest, now: float) -> None: ...

    async def by_queue_id(self, host: str, queue_id: str) -> PolicyRequest | None: ...

    async def by_client(self, host: str, client_address: str, client_port: str) -> PolicyRequest | None: ...


class HandedOver(Protocol):
    """Remembers for whom the next hop took a message over: its results come later, in logs and in reports."""

    async def remember(self, receipt: Receipt, handed: Handed, now: float) -> None: ...

    async def by_queue_id(self, server: str, queue_id: str) -> Handed | None: ...

    async def by_queue_ids(self, receipts: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Handed]:
        """Those of these servers and queue ids that are known, asked for in one go: a log names hundreds at once."""

    async def by_message_id(self, message_id: str) -> Sequence[Handed]:
        """All transactions with it, also of several accounts: whoever writes a message chooses its Message-ID."""

    async def by_transaction(self, transaction_id: str) -> Sequence[Handed]:
        """What the next hop took of a transaction of ours; a held message may go in several parts."""

    async def forget(self, accounts: Mapping[str, float]) -> None:
        """Erase that messages were these accounts' that the next hop took before (Unix seconds, of each).

        All messages are looked through, once for however many accounts; who asks meanwhile does not find theirs any
        more. Raises `Temporary`.
        """


class FeedbackSink(Protocol):
    """Where deliveries tell on the account."""

    async def tell(self, deliveries: Sequence[Delivery]) -> None:
        """They count, durably, when this returns; the same `key` again does not. Raises `Temporary`."""


class ComplaintSink(Protocol):
    """Where complaints do."""

    async def complain(self, complaints: Sequence[Complained]) -> None:
        """As `FeedbackSink.tell`; each recipient of a transaction complains once."""


class IdentitySource(Protocol):
    """One way to learn which account is answerable. Asked in the configured order, first answer wins."""

    async def identify(self, facts: "SessionFacts") -> Identity | None: ...


class SessionFacts(Struct, frozen=True, gc=False):
    """What is known about a transaction when identity is asked for; more is known at each stage.

    `peer` is the address of the connected server; XFORWARD and XCLIENT attributes are decoded (xtext), empty when
    absent or `[UNAVAILABLE]`. `header` is the header section as received, empty before DATA.
    """

    peer: str
    xforward: dict[str, str]
    xclient: dict[str, str]
    mail_from: str
    auth_parameter: str
    header: bytes = b""


class Desk(Protocol):
    """Where suspicion goes."""

    async def open_incident(self, transaction: Transaction, verdict: Verdict) -> None:
        """The account is blocked, durably, when this returns."""

    async def open_afterwards(self, answer: Answer, verdict: Verdict, words: str) -> None:
        """The same for mail that has passed, because of what came back; `words` for people say what."""

    def note(self, transaction: Transaction, verdict: Verdict) -> None:
        """Remember a verdict worth a look. Never waits."""


class PasswordProvider(Protocol):
    """Sets a password where the provider's servers look it up."""

    def change_password(self, account: str, password: Secret, request_id: str) -> str:
        """Set it and return a harmless word for the timeline (never the password).

        Idempotent by `request_id`. Raises `Temporary` or `Refused`. Called in a thread of its own: it may block.
        """
        ...

    def check(self) -> str:
        """Try, without changing anything, whether it would work; say what was found. Raises `ConfigError`."""
        ...


class SessionEnder(Protocol):
    """Forgets cached logins and ends open sessions of an account."""

    def end_sessions(self, account: str, request_id: str) -> str: ...

    def check(self) -> str: ...


class AppPasswordRevoker(Protocol):
    """Takes back the passwords that an account made for single programs: they would outlive the new password."""

    def revoke_app_passwords(self, account: str, request_id: str) -> str:
        """As `PasswordProvider.change_password`: idempotent, a harmless word, `Temporary` or `Refused`."""
        ...

    def check(self) -> str: ...


class MailQueue(Protocol):
    """The mail of an account that waits in the queue of the submission server or the outbound MTA.

    Each method gives back a harmless word with the number of messages; idempotent; raises `Temporary` or `Refused`.
    """

    def hold(self, account: str, request_id: str) -> str: ...

    def release(self, account: str, request_id: str) -> str:
        """Let what `hold` stopped go on."""
        ...

    def discard(self, account: str, request_id: str) -> str:
        """Delete what `hold` stopped."""
        ...

    def check(self) -> str: ...


class CustomerDirectory(Protocol):
    """Knows how to reach the customer behind an account."""

    def contact(self, account: str) -> Contact | None: ...

    def check(self) -> str: ...


class Notifier(Protocol):
    """Carries a notice to the customer, on one channel."""

    def reaches(self, contact: Contact) -> bool:
        """Whether enough is known of the customer for this channel."""
        ...

    def send(self, notice: Notice, contact: Contact, request_id: str) -> str:
        """To a contact that the channel reaches: a harmless word for the timeline. Raises `Temporary` or `Refused`."""
        ...

    def check(self) -> str: ...


class Hook(Protocol):
    """Tells operators, or their systems, about an event. The event is already redacted for this target."""

    name: str

    def deliver(self, event: dict[str, object], request_id: str) -> str: ...

    def check(self) -> str: ...


class CampaignStore(Protocol):
    """Remembers which accounts lately sent the same text, near-duplicate or pivot (`detector.traffic.campaign`).

    `keys` are those of one message (`keys_of`). It never fails: evidence that is out of reach is evidence not seen.
    """

    async def suspicious_others(self, keys: Sequence[int], account: str, now: float) -> float:
        """How many other suspicious accounts lately sent the same, as far as chance does not explain them."""
        ...

    async def notice(self, keys: Sequence[int], account: str, suspicious: bool, now: float) -> None:
        """Remember that the account sends this; `suspicious` by its own other evidence, campaigns left aside.

        Otherwise two honest accounts with one template would convict each other.
        """
        ...
