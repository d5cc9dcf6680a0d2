"""The one door: each kind of report comes out as what it is, and nothing that comes in does harm."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.reports.delivery_status import MOST_RECIPIENTS
from detector.reports.reader import read
from detector.reports.values import AutoReply, Bounce, Complaint, NotAReport, Report
from tests.bench.reports import measure, ours, samples
from tests.unit.reports.test_complaints import ARF
from tests.unit.reports.test_free_form import DAEMON, QMAIL
from tests.unit.reports.test_parts import DSN

HEAD = b"From: MAILER-DAEMON@mx.example\nTo: ann@customer.example\nSubject: failure notice\n"
REPORT = HEAD + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
STATUS = b"--b\nContent-Type: message/delivery-status\n\n"
FAILED = b"Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\n\n"

NASTY = {
    "nothing": b"",
    "ten megabytes of header": b"".join(b"X-%d: y\n" % number for number in range(1_000_000)) + b"\nbody",
    "one field of ten megabytes": b"X: " + b"y" * 10_000_000 + b"\n\nbody",
    "a hundred thousand parts": REPORT + b"--b\n\nx\n" * 100_000,
    "parts in parts": HEAD
    + b"Content-Type: multipart/mixed; boundary=0\n\n"
    + b"".join(b"--%d\nContent-Type: multipart/mixed; boundary=%d\n\n" % (n, n + 1) for n in range(5000)),
    "an unknown charset": HEAD + b"Content-Type: text/plain; charset=x-klingon\n\n" + bytes(range(256)) * 100,
    "a broken base64": HEAD + b"Content-Transfer-Encoding: base64\n\n=====" + b"A" * 1001,
    "addresses without end": HEAD + b"\ncould not be delivered to\n" + b"a@" * 100_000,
    "a local part without end": HEAD + b"\nfailed: " + b"a" * 200_000 + b"@example.net",
    "dots without end": HEAD + b"\nfailed: a@" + b"a." * 100_000,
    "brackets without end": REPORT + STATUS + b"Final-Recipient: rfc822;" + b"(" * 100_000,
    "a fold without end": REPORT + STATUS + b"Final-Recipient: rfc822;\n" + b" x\n" * 100_000,
    "encoded words without end": b"Subject: " + b"=?utf-8?q?" * 20_000 + b"\n\n",
    "quotations without end": b"From: bob@example.net\n\n" + (b">" * 500 + b"\n") * 200,
    "header after header": b"From: bob@example.net\n\n" + b"X: y\n\n" * 20_000,
    "nul and bare CR": HEAD + b"\0\r\r\0\r" * 1000,
}


@pytest.mark.parametrize("octets", NASTY.values(), ids=NASTY.keys())
def test_what_is_broken_huge_or_hostile_comes_out_small(octets: bytes) -> None:
    report = read(octets)
    if isinstance(report, Bounce):
        assert len(report.recipients) <= MOST_RECIPIENTS
        assert all(len(one.address) <= 320 and len(one.diagnostic) <= 1000 for one in report.recipients)
    else:
        assert isinstance(report, AutoReply | NotAReport)


SPAM = "Received: from hop by mx\nMessage-ID: <1@customer.example>\nFrom: ann@customer.example\nSubject: {}\n\n{}\n"
ATTACHED = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nplease stop this\n--b\nContent-Type: message/rfc822\n\n"
BELOW = "\nplease stop this\n\n-------- Forwarded Message --------\n"


@pytest.mark.parametrize("way", [ATTACHED, BELOW], ids=["attached", "below"])
@pytest.mark.parametrize("fwd", ["Fwd: {}", "[Fwd: {}]", "{}"])
@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Thank you for your  order", "buy"),
        ("Automatic reply: your invoice", "buy"),
        ("hello", "click here to confirm that you are the winner"),
        ("hello", "This has failed the published DMARC policy"),
    ],
)
def test_a_spammer_has_no_words_that_turn_a_complaint_into_something_else(
    way: str, fwd: str, subject: str, text: str
) -> None:
    complaint = f"From: bob@example.net\nSubject: {fwd.format(subject)}\n{way}{SPAM.format(subject, text)}"
    assert isinstance(read(complaint.encode()), Complaint)


@pytest.mark.parametrize("way", [ATTACHED, BELOW], ids=["attached", "below"])
@pytest.mark.parametrize("fwd", ["Fwd: {}", "[Fwd: {}]", "{}"])
def test_spam_that_looks_like_a_bounce_is_complained_of_all_the_same(way: str, fwd: str) -> None:
    """Who complains may say that he has rejected it."""
    note = way.replace("please stop this", "please stop this, it was rejected here")
    complaint = (
        f"From: bob@example.net\nSubject: {fwd.format('Delivery failed')}\n{note}{SPAM.format('Delivery failed', '')}"
    )
    assert isinstance(read(complaint.encode()), Complaint)


def test_a_postmaster_who_passes_mail_on_complains() -> None:
    head = "From: Postmaster <postmaster@other.example>\nSubject: {}buy now\n"
    for forward in ("Fwd: ", "FW: ", "WG: ", "[Fwd: "):
        assert isinstance(read((head.format(forward) + ATTACHED + SPAM).encode()), Complaint)


def test_a_bounce_that_tells_of_dmarc_is_a_bounce() -> None:
    said = b"--b\n\nbob@example.net: 550 5.7.26 it failed the published DMARC policy\n"
    assert isinstance(read(REPORT + said + STATUS + FAILED), Bounce)
    text = SPAM.format("x", "failed the published DMARC policy")
    quoted = f"\n<bob@example.net>:\n550 5.1.1 no such user\n\n--- Below this line is a copy of the message.\n\n{text}"
    assert isinstance(read(HEAD + quoted.encode()), Bounce)


def test_recipients_without_end_are_counted() -> None:
    many = b"".join(b"Final-Recipient: rfc822; u%d@example.net\n\n" % number for number in range(1000))
    report = read(REPORT + STATUS + many)
    assert isinstance(report, Bounce)
    assert (len(report.recipients), report.left_out) == (MOST_RECIPIENTS, 800)


NOISE = st.text("ab1@<>.:;- ", max_size=20).map(str.encode)


def addresses(report: Report) -> list[str]:
    if isinstance(report, Bounce):
        return [one.address for one in report.recipients]
    return list(report.recipients) if isinstance(report, Complaint) else []


@given(st.binary(max_size=2000))
def test_octets_that_nobody_has_made_a_report_of_are_none(octets: bytes) -> None:
    assert read(octets) == NotAReport("other mail")


@given(st.sampled_from([DSN, ARF.encode(), f"{DAEMON}\n{QMAIL}".encode()]), NOISE, st.data())
def test_a_report_that_was_damaged_on_the_way_tells_of_nobody_whom_it_does_not_name(
    octets: bytes, noise: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(octets)))
    damaged = octets[:start] + noise + octets[data.draw(st.integers(start, len(octets))) :]
    named = damaged.decode("utf-8", "surrogateescape").lower()
    assert not [address for address in addresses(read(damaged)) if address.lower() not in named]
    assert addresses(read(octets)) == addresses(read(octets + noise))


def test_line_ends_make_no_difference() -> None:
    for octets in (REPORT + STATUS + FAILED + b"--b--\n", ARF.encode(), (DAEMON + "\n" + QMAIL).encode()):
        found, other = read(octets), read(octets.replace(b"\n", b"\r\n"))
        assert type(found) is type(other)
        if isinstance(found, Bounce) and isinstance(other, Bounce):
            assert [one.address for one in found.recipients] == [one.address for one in other.recipients]


def test_a_bounce_is_a_bounce_though_it_says_that_a_program_answered() -> None:
    report = read(f"{DAEMON}Auto-Submitted: auto-replied\nPrecedence: bulk\n\n{QMAIL}".encode())
    assert isinstance(report, Bounce)


def test_a_report_of_success_is_none_of_failure() -> None:
    assert read(REPORT + STATUS + FAILED.replace(b"failed", b"delivered")) == NotAReport("delivered")


def test_a_report_within_a_report_is_read_once() -> None:
    inner = REPORT + STATUS + FAILED + b"--b--\n"
    outer = HEAD + b"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\n"
    report = read(outer + inner + b"\n--o--\n")
    assert isinstance(report, Bounce)
    assert report.recipients[0].address == "bob@example.net"


def test_undelivered_mail_that_somebody_got_back_is_no_complaint() -> None:
    octets = b"From: inetgw1@mx.example\nSubject: Mail could not be delivered\n\nIt could not be delivered.\n\n" + (
        b"Received: from x\nMessage-ID: <1@customer.example>\n\n"
    )
    report = read(octets)
    assert isinstance(report, Bounce)
    assert (report.recipients, report.original.message_id) == ((), "<1@customer.example>")


def test_a_letter_is_no_report() -> None:
    assert read(b"From: bob@example.net\nSubject: hello\n\nhello\n") == NotAReport("other mail")


@pytest.mark.corpora
def test_nearly_all_reports_of_the_public_collections_are_understood(corpora: Path) -> None:
    chosen = [one for one in samples(corpora / "feedback") if one.recipients is None or one.recipients]
    scores = measure(ours, chosen, rounds=1)
    assert scores["delivery status|all"].found >= 0.99 * scores["delivery status|all"].bounces > 300
    for half in ("seen", "held out"):
        score = scores[f"free form, {half}|all"]
        assert score.found >= 0.95 * score.bounces > 100
        assert score.taken == 0
