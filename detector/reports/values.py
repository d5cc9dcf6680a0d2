"""What a report says. Whether it is true is another question, see `detector.mail.tag`: anybody can write anything."""

from msgspec import Struct

from detector.mail.headers import Header
from detector.mail.status_codes import Cause


class Original(Struct, frozen=True):
    """What a report brings back of the message that it is about; all of it may be empty.

    `queue_ids` are those of servers on the way, the reporting one first.
    """

    header: Header
    message_id: str = ""
    envelope_id: str = ""
    queue_ids: tuple[str, ...] = ()


class Failed(Struct, frozen=True):
    """A recipient who did not get it. `final`: nobody tries any more; else it is only late.

    `original` is the address as it was before others forwarded it (RFC 3464 section 2.3.1), where that is told.
    """

    address: str
    cause: Cause
    status: str = ""
    diagnostic: str = ""
    remote_mta: str = ""
    original: str = ""
    final: bool = True


class Bounce(Struct, frozen=True):
    """`left_out` counts recipients beyond the bound."""

    recipients: tuple[Failed, ...]
    original: Original
    reporting_mta: str = ""
    left_out: int = 0


class Complaint(Struct, frozen=True):
    """A person does not want this mail. `kind` is the Feedback-Type (RFC 5965 section 3.1), or `forwarded`.

    `arrived_at` is in Unix seconds, 0 where it is not told. Many programs leave the recipients out.
    """

    kind: str
    original: Original
    recipients: tuple[str, ...] = ()
    arrived_at: float = 0.0
    source_ip: str = ""
    reporter: str = ""


class AuthFailure(Struct, frozen=True):
    """Mail in the name of a domain that failed SPF, DKIM or DMARC (RFC 6591): nobody complained."""

    kind: str
    original: Original
    source_ip: str = ""
    domain: str = ""


class AutoReply(Struct, frozen=True):
    """A program answered for a person, who did get the message (RFC 3834). `kind`: vacation, receipt or challenge."""

    kind: str
    original: Original


class NotAReport(Struct, frozen=True):
    """Anything else; `reason` is one of a few words, good as a label."""

    reason: str


Report = Bounce | Complaint | AuthFailure | AutoReply | NotAReport
