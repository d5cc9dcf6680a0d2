import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.address import Address
from detector.mail.headers import Header
from detector.mail.stream import classify, message_key, sample_of
from detector.mail.transaction import Stream

ANN = Address("ann", "example.org")


@pytest.mark.parametrize(
    "field",
    [
        b"Auto-Submitted: auto-replied",
        b"auto-submitted: Auto-Generated (cron); owner-email=x",
        b"List-Id: Fine words <words.example.net>",
        b"Precedence: bulk",
        b"Precedence: LIST",
        b"Precedence: junk",
        b"Resent-From: ann@example.org",
        b"Resent-Date: Thu, 29 Feb 2024 12:34:56 +0000",
        b"X-Forwarded-To: ann@elsewhere.example",
        b"X-Forwarded-For: ann@example.org ann@elsewhere.example",
    ],
)
def test_marks_of_automatic_and_forwarded_mail(field: bytes) -> None:
    assert classify(ANN, Header.of(b"From: Bob <bob@example.net>\r\n" + field + b"\r\n\r\n")) is Stream.AUTOMATIC


@pytest.mark.parametrize(
    "field",
    [
        b"Subject: Precedence: bulk",
        b"Auto-Submitted: no",
        b"Auto-Submitted: No (really)",
        b"Auto-Submitted:",
        b"Precedence: first-class",
        b"X-Precedence: bulk",
    ],
)
def test_what_a_person_wrote_is_personal(field: bytes) -> None:
    assert classify(ANN, Header.of(b"From: Bob <bob@example.net>\r\n" + field + b"\r\n\r\n")) is Stream.PERSONAL


@pytest.mark.parametrize("author", [b"From: Ann <Ann@Example.ORG>\r\n", b"From: nobody\r\n", b""])
def test_forward_marks_need_a_foreign_author(author: bytes) -> None:
    assert classify(ANN, Header.of(b"X-Forwarded-To: x@example.net\r\n" + author + b"\r\n")) is Stream.PERSONAL


def test_the_null_reverse_path_is_automatic() -> None:
    assert classify(Address("", ""), Header.of(b"\r\n")) is Stream.AUTOMATIC


@pytest.mark.parametrize("local_part", ["SRS0=abc=xy=example.net=bob", "srs1=abc=x==y", "SRS0+abc=xy=example.net=bob"])
def test_a_rewritten_reverse_path_is_automatic(local_part: str) -> None:
    assert classify(Address(local_part, "example.org"), Header.of(b"\r\n")) is Stream.AUTOMATIC


def test_marks_in_the_text_do_not_count() -> None:
    assert classify(ANN, Header.of(b"Subject: x\r\nno field\r\nPrecedence: bulk\r\n\r\n")) is Stream.PERSONAL


@given(st.binary())
def test_any_octets_have_a_stream(section: bytes) -> None:
    assert classify(ANN, Header.of(section)) in Stream


def test_parts_and_retries_of_a_queued_message_are_one_message() -> None:
    first = message_key("192.0.2.7", "037BC21A91B", "<1@x>", "ann@example.org", b"a")
    assert message_key("192.0.2.7", "037BC21A91B", "<1@x>", "ann@example.org", b"b") == first
    assert message_key("192.0.2.8", "037BC21A91B", "<1@x>", "ann@example.org", b"a") != first
    assert message_key("192.0.2.7", "037BC21A91C", "<1@x>", "ann@example.org", b"a") != first


def test_without_queue_id_a_repeated_message_id_does_not_make_one_message_of_many() -> None:
    first = message_key("192.0.2.7", "", "<1@x>", "ann@example.org", b"a")
    assert message_key("192.0.2.7", "", "<1@x>", "ann@example.org", b"a") == first
    assert message_key("192.0.2.7", "", "<1@x>", "ann@example.org", b"b") != first
    assert message_key("192.0.2.7", "", "<1@x>", "bea@example.org", b"a") != first
    assert message_key("192.0.2.7", "", "<2@x>", "ann@example.org", b"a") != first


def test_messages_are_told_apart_by_size_beginning_and_end() -> None:
    text = bytes(5000)
    samples = {sample_of(5000, text), sample_of(5001, text), sample_of(5000, b"x" + text[1:])}
    assert len(samples | {sample_of(5000, text[1:] + b"x")}) == 4


def test_the_digest_of_a_short_message_is_of_all_of_it() -> None:
    assert sample_of(1500, bytes(1500)) != sample_of(1500, bytes(750) + b"x" + bytes(749))


@given(st.binary().map(lambda octets: octets.decode("utf-8", "surrogateescape")), st.binary())
def test_a_message_key_is_short_and_plain(text: str, digest: bytes) -> None:
    for queue_id in ("", text):
        key = message_key("192.0.2.7", queue_id, text, text, digest)
        assert len(key) == 32
        assert key.isalnum()
