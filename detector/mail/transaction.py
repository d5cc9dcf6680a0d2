"""A mail transaction (RFC 5321 section 3.3) as the judge sees it: who, from where, to whom, and what became of it."""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from detector.mail.address import Address
from detector.mail.content import Content


class Identity(Struct, frozen=True, gc=False):
    """The account that is answerable for a transaction, and how we know.

    `trusted` means that a customer cannot have chosen the value. Only a trusted identity may lead to a password change.
    An empty `account` is an unknown identity.
    """

    account: str
    source: str
    trusted: bool

    @property
    def known(self) -> bool:
        return bool(self.account)


UNKNOWN = Identity("", "none", trusted=False)


class RecipientStatus(StrEnum):
    """What became of a RCPT command."""

    ACCEPTED = "accepted"  # the next hop said 2xx
    REFUSED = "refused"  # the next hop said 5xx
    DEFERRED = "deferred"  # the next hop said 4xx
    PACED = "paced"  # we said 4xx: the recipient window was full


class Stream(StrEnum):
    """Kinds of mail that are counted apart."""

    PERSONAL = "personal"  # written by, or for, the account's owner
    AUTOMATIC = "automatic"  # null reverse-path, Auto-Submitted, forwarded, mailing list: nobody pressed a button


# By themselves for what runs with each message: in Python 3.11 a member named by its class takes as long as a call.
ACCEPTED, REFUSED, DEFERRED, PACED = RecipientStatus
PERSONAL = Stream.PERSONAL


class Recipient(Struct, frozen=True, gc=False):
    """A recipient of a transaction; `reply` is the next hop's enhanced code or code, empty when it was never asked."""

    address: Address
    status: RecipientStatus
    reply: str = ""


class Transaction(Struct, frozen=True, gc=False):
    """One transaction, complete: all RCPT commands are answered, the body is here or will never come.

    `message_key` is the same for all parts and all retries of one message, so that a message of 60 recipients that
    arrives as 50 + 10, or again after a 4xx, is counted once. `client` is the customer's network address as far as
    it is known (empty if not). `received_at` is in Unix seconds, `size_bytes` counts the body as sent. `content` is
    None where no body was seen.
    """

    transaction_id: str
    message_key: str
    identity: Identity
    client: str
    helo: str
    mail_from: Address
    recipients: tuple[Recipient, ...]
    stream: Stream
    received_at: float
    size_bytes: int = 0
    content: Content | None = None

    def read(self, recipients: tuple[Recipient, ...], content: Content | None) -> "Transaction":
        """With those recipients and what its message says."""
        return replace(self, recipients=recipients, content=content)
