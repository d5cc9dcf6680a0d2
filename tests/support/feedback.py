"""A sink for deliveries, and one message that was handed over."""

from collections.abc import Iterable, Sequence

from detector.mail.address import Address
from detector.mail.delivery import RECIPIENT_BYTES, Delivery, Handed, Receipt
from detector.mail.transaction import Stream
from detector.ports import HandedOver, Temporary
from detector.traffic.memory import keyed_hash

KEY = b"recipient key"
MTA = "192.0.2.1:25"
NOW = 1_772_700_000.0


class MemorySink:
    """A `FeedbackSink` that keeps what it is told, each delivery once. `failures` times it is out of reach."""

    def __init__(self, failures: int = 0) -> None:
        self.told: dict[bytes, Delivery] = {}
        self.repeated = 0
        self.failures = failures

    async def tell(self, deliveries: Sequence[Delivery]) -> None:
        if self.failures:
            self.failures -= 1
            raise Temporary("the sink is out of reach")
        for delivery in deliveries:
            self.repeated += delivery.key in self.told
            self.told[delivery.key] = delivery

    @property
    def deliveries(self) -> list[Delivery]:
        return list(self.told.values())

    def short(self) -> list[tuple[str, str, str]]:
        """Account, status and enhanced code of each."""
        return [(one.account, str(one.status), one.enhanced) for one in self.deliveries]


def hashed(address: str) -> bytes:
    return keyed_hash(Address.parse(address).key, KEY, RECIPIENT_BYTES)


async def hand_over(  # noqa: PLR0917 - the parts of a message
    store: HandedOver,
    queue_id: str,
    recipients: Iterable[str],
    account: str = "ann",
    message_id: str = "",
    server: str = MTA,
) -> None:
    handed = Handed(account, f"t-{queue_id}", Stream.PERSONAL, NOW, frozenset(map(hashed, recipients)))
    await store.remember(Receipt(server, queue_id, message_id), handed, NOW)


def dsn(recipient: str, tag: str = "", status: str = "5.1.1") -> bytes:
    """A bounce (RFC 3464) of a message from Ann that carried the tag."""
    return "\r\n".join(
        [
            "From: MAILER-DAEMON@mx.example",
            "To: ann@customer.example",
            "Subject: Undelivered Mail Returned to Sender",
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
            "MIME-Version: 1.0",
            "",
            *("--b", "Content-Type: text/plain", "", "It could not be delivered.", ""),
            *("--b", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.example", ""),
            f"Final-Recipient: rfc822; {recipient}",
            "Action: failed",
            f"Status: {status}",
            f"Diagnostic-Code: smtp; 550 {status} <{recipient}>: user unknown",
            "",
            *_returned(tag),
        ]
    ).encode()


def arf(recipient: str, tag: str = "") -> bytes:
    """A complaint (RFC 5965) about such a message; without a recipient it names nobody."""
    named = [f"Original-Rcpt-To: <{recipient}>"] if recipient else []
    return "\r\n".join(
        [
            "From: <feedback@big.example>",
            "To: <abuse-reports@hop.example.net>",
            "Subject: complaint",
            'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
            "MIME-Version: 1.0",
            "",
            *("--b", "Content-Type: text/plain", "", "A user called this abuse.", ""),
            *("--b", "Content-Type: message/feedback-report", "", "Feedback-Type: abuse", "User-Agent: test/1"),
            *("Version: 1", *named, ""),
            *_returned(tag),
        ]
    ).encode()


def _returned(tag: str) -> list[str]:
    marked = [f"X-Hop-Tag: {tag}"] if tag else []
    header = ["Message-ID: <1@ann.example>", "From: ann@customer.example", "Subject: hello"]
    return ["--b", "Content-Type: message/rfc822", "", *marked, *header, "", "hello", "", "--b--", ""]
