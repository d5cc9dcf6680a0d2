"""What a record of mail can tell, one event after the other, as the lines of format `jsonl` say it.

Times are in Unix seconds; unknown keys are passed over, missing ones that have a default mean empty.
"""

from msgspec import Struct


class Submission(Struct, frozen=True, tag="transaction", gc=False):
    """An account wants to send a message.

    `message` is the raw message, one Latin-1 code point for each octet. `rcpt_status` is what the next hop would answer
    at RCPT time, for recipients that it would not accept. `retry_of` names the first attempt of a message.
    """

    id: str
    time: float
    account: str
    rcpt_to: list[str]
    mail_from: str = ""
    client_ip: str = ""
    helo: str = ""
    rcpt_status: dict[str, str] = {}
    retry_of: str = ""
    message: str = ""


class Delivery(Struct, frozen=True, tag="delivery", gc=False):
    """What became of a recipient later."""

    time: float
    id: str
    rcpt: str
    status: str


class Complaint(Struct, frozen=True, tag="complaint", gc=False):
    """A recipient called a message abuse."""

    time: float
    id: str
    rcpt: str = ""


class Inbound(Struct, frozen=True, tag="inbound", gc=False):
    """An account received mail."""

    time: float
    account: str
    mail_from: str = ""
    message_id: str = ""


class Tick(Struct, frozen=True, tag="tick", gc=False):
    """Time has passed."""

    time: float


Report = Delivery | Complaint | Inbound | Tick
Event = Submission | Report
