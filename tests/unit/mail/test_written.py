from hypothesis import given
from hypothesis import strategies as st

from detector.mail.headers import header_section
from detector.mail.written import NOTHING, Written


def test_the_header_ends_with_the_empty_line() -> None:
    message = Written.of(b"Subject: x\r\n\r\nDate: in the text\r\n")
    assert list(message.header.named) == [b"subject"]
    assert message.rest == b"Date: in the text\r\n"


def test_of_nothing_there_is_nothing_to_read() -> None:
    assert (NOTHING.header.named, NOTHING.rest, NOTHING.size_bytes) == ({}, b"", 0)


@given(st.binary())
def test_no_octet_is_lost(octets: bytes) -> None:
    message = Written.of(octets)
    assert message.header.section + message.rest == octets
    assert message.header.section == header_section(octets)
    assert message.size_bytes == len(octets)
