"""Copies are known by their octets: whoever they are from, and only where nothing that is read differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.copies import MOST_BYTES, copy_key
from detector.content.mime import parsed
from detector.mail.written import Written
from tests.support.text_model import small_reader

TEXT = b"We meet on Monday at noon in the old town hall, please bring the minutes of the last meeting with you.\r\n"
NAMES = [b"Subject", b"Content-Type", b"Content-Transfer-Encoding", b"From", b"subject"]
VALUES = [b" a", b"", b"\r\n a", b" a\r\n\tb", b" \0", b" text/html", b" multipart/mixed; boundary=b", b" base64"]
FIELDS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4)
BODIES = st.lists(
    st.sampled_from([b"--b\r\n", b"--b--", b"\r\n", b"a", b"\n\n\0", b"\0", b"Subject: a\r\n"]), max_size=5
)


def key(fields: bytes, body: bytes = TEXT) -> int | None:
    return copy_key(Written.of(fields + b"\r\n" + body))


def test_who_sends_it_and_when_makes_no_difference() -> None:
    one = b"From: ann@a.example\r\nMessage-ID: <1@a.example>\r\nSubject: Hello\r\n"
    other = b"Date: x\r\nSubject: Hello\r\nFrom: eve@b.example\r\nX-Mailer: y\r\n"
    assert key(one) == key(other) is not None


@pytest.mark.parametrize(
    "name", ["Subject", "Reply-To", "Content-Type", "Content-Disposition", "Content-Transfer-Encoding"]
)
def test_what_is_read_of_the_header_makes_another_message(name: str) -> None:
    assert len({key(b""), key(f"{name}: a\r\n".encode()), key(f"{name}: b\r\n".encode())}) == 3


@given(FIELDS, BODIES, FIELDS, BODIES)
def test_messages_of_one_key_have_the_same_parts(
    fields: list[tuple[bytes, bytes]], body: list[bytes], others: list[tuple[bytes, bytes]], rest: list[bytes]
) -> None:
    one, other = (
        Written.of(b"".join([b"%b:%b\r\n" % field for field in header]) + b"\r\n" + b"".join(pieces))
        for header, pieces in ((fields, body), (others, rest))
    )
    assert copy_key(one) != copy_key(other) or parsed(one).said == parsed(other).said


def test_a_copy_is_told_as_if_it_were_read_anew() -> None:
    reader, said = small_reader(), b"Subject: Hello\r\nContent-Type: text/plain\r\n\r\n" + TEXT
    for number in range(3):
        message = Written.of(b"From: user%d@a.example\r\nMessage-ID: <%d-x@a.example>\r\n%b" % (number, number, said))
        assert reader.read(message) == small_reader().read(message)


def test_of_long_messages_no_copies_are_known() -> None:
    assert key(b"", b"x" * MOST_BYTES) is not None
    assert key(b"", b"x" * (MOST_BYTES + 1)) is None
