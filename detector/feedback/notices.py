"""What a line of a mail server's log says of a message, whichever server wrote it."""

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple


class Outcome(Enum):
    """Of one attempt to deliver."""

    SENT = auto()
    DEFERRED = auto()
    BOUNCED = auto()


class Arrived(NamedTuple):
    """A message came into the queue, with this Message-ID (without its angle brackets)."""

    queue_id: str
    message_id: str


class Attempt(NamedTuple):
    """One attempt for one recipient.

    `recipients` begins with the address before an alias made others of it, if there was one. `line` is all of it.
    `relay` is the server that was asked, `next_queue_id` its name for the message; empty if not told.
    """

    queue_id: str
    recipients: tuple[str, ...]
    outcome: Outcome
    enhanced: str
    reply: str
    line: bytes
    relay: str = ""
    next_queue_id: str = ""


Notice = Arrived | Attempt
Read = Callable[[bytes], Notice | None]
"""One line, without its end; None when it says neither."""

LONGEST_REPLY = 2000
"""Characters that are looked at: several lines of a server (RFC 5321 section 4.5.3.1.5), as the MTA joins them."""


def text_of(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
