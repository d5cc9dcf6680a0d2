"""A report counts for a transaction only by a tag of ours, and only for its recipients."""

from detector.mail.address import Address
from detector.mail.delivery import RECIPIENT_BYTES
from detector.mail.headers import Header
from detector.mail.status_codes import Cause
from detector.mail.tag import Refusal, TagKey, tag_of, tagged
from detector.reports.reader import read
from detector.reports.ties import Loose, Ties, meant
from detector.reports.values import Bounce, Complaint, Failed, NotAReport, Original
from detector.traffic.memory import keyed_hash

NOW, DAY = 1_790_000_000.0, 86_400.0
KEY = TagKey.of(b"k" * 32)
TIES = Ties([KEY], "X-Hop-Tag", 30 * DAY)
TAG = tag_of("0123456789abcdef", NOW, KEY)
NOTHING = Header.of(b"")


def bounce_of(returned: bytes, *recipients: Failed) -> Bounce:
    return Bounce(recipients, Original(Header.of(returned)))


def hashed(address: str) -> bytes:
    return keyed_hash(Address.parse(address).key, b"secret", RECIPIENT_BYTES)


def failed(address: str, original: str = "") -> Failed:
    return Failed(address, Cause.NO_SUCH_USER, original=original)


def test_the_tag_in_the_returned_header_leads_to_the_transaction() -> None:
    report = bounce_of(f"Received: x\nx-hop-tag: {TAG}\nSubject: x\n".encode())
    assert TIES.transaction(report, NOTHING, NOW + DAY) == "0123456789abcdef"


def test_the_tag_in_the_envelope_sender_leads_there_where_nothing_is_returned() -> None:
    verp = tagged(Address.parse("ann@customer.example"), TAG)
    own = Header.of(f"Delivered-To: {verp}\nTo: <x@y.example>\n".encode())
    assert TIES.transaction(bounce_of(b""), own, NOW) == "0123456789abcdef"


def test_a_real_bounce_is_tied_through_all_rooms() -> None:
    octets = (
        b"From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\n<bob@example.net>:\nuser unknown\n\n"
        b"--- Below this line is a copy of the message.\n\nReceived: from hop.example\nX-Hop-Tag: "
    ) + f"{TAG}\nMessage-ID: <1@a.example>\n\nhello\n".encode()
    report = read(octets)
    assert isinstance(report, Bounce)
    assert TIES.transaction(report, Header.of(octets), NOW) == "0123456789abcdef"


def test_reports_without_a_tag_or_with_a_bad_one_tie_nothing() -> None:
    assert TIES.transaction(bounce_of(b"Subject: x\n"), NOTHING, NOW) is Loose.UNTAGGED
    assert TIES.transaction(NotAReport("other mail"), NOTHING, NOW) is Loose.UNTAGGED
    report = bounce_of(f"X-Hop-Tag: {TAG.replace('0123', '3210')}\n".encode())
    assert TIES.transaction(report, NOTHING, NOW) is Refusal.FORGED
    assert TIES.transaction(bounce_of(f"X-Hop-Tag: {TAG}\n".encode()), NOTHING, NOW + 90 * DAY) is Refusal.EXPIRED


def test_only_recipients_of_the_transaction_are_meant() -> None:
    ours = frozenset({hashed("bob@example.net"), hashed("cid@example.net")})
    report = bounce_of(b"", failed("BOB@example.net"), failed("eve@example.org"))
    assert meant(report, ours, b"secret") == {hashed("bob@example.net"): failed("BOB@example.net")}


def test_who_had_it_forwarded_is_meant_too() -> None:
    one = failed("bob@away.example", original="bob@example.net")
    assert meant(bounce_of(b"", one), frozenset({hashed("bob@example.net")}), b"secret") == {
        hashed("bob@example.net"): one
    }


def test_a_report_that_names_nobody_means_the_only_recipient() -> None:
    complaint = Complaint("abuse", Original(NOTHING))
    assert meant(complaint, frozenset({hashed("bob@example.net")}), b"secret") == {hashed("bob@example.net"): None}
    assert meant(complaint, frozenset({b"1", b"2"}), b"secret") == {}


def test_a_complaint_of_a_stranger_means_nobody() -> None:
    complaint = Complaint("abuse", Original(NOTHING), recipients=("eve@example.org",))
    assert meant(complaint, frozenset({hashed("bob@example.net")}), b"secret") == {}
