import re
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail import headers
from detector.mail.headers import Arrival

NOW = 1_709_210_096.7  # 29 February 2024, 12:34:56 UTC

NASTY = st.lists(
    st.sampled_from(
        [
            b"X-A",
            b"x-a: ",
            b"Subject:",
            b":",
            b"\r\n",
            b"\n",
            b"\r",
            b" ",
            b"\t",
            b"\x00",
            b"\xff",
            b"\xc3\xa9",
            b"v",
            b".",
        ]
    )
).map(b"".join)
NAMES = st.sampled_from([b"X-A", b"x-a", b"X-B", b"Subject", b"Received"])
VALUES = st.lists(st.binary(max_size=20).map(lambda octets: re.sub(rb"[\r\n]", b"?", octets)), min_size=1, max_size=3)
FIELDS = st.tuples(NAMES, VALUES).map(lambda field: (field[0], field[0] + b": " + b"\r\n\t".join(field[1]) + b"\r\n"))


@given(st.one_of(st.binary(), NASTY), st.integers(0, 50))
def test_any_octets_are_read(body: bytes, limit: int) -> None:
    section = headers.header_section(body, limit)
    assert body.startswith(section)
    assert len(section) <= limit + 2
    assert "".join(field.name for field in headers.fields(section)).isascii()
    assert headers.Header.of(body).section == section or limit < len(body)
    assert headers.header_section(section) == section


SECTIONS = st.lists(FIELDS.map(lambda field: field[1]) | NASTY).map(b"".join)


@given(SECTIONS)
def test_only_what_stands_above_the_first_received_is_told(body: bytes) -> None:
    section = headers.header_section(body)
    above = takewhile(lambda field: field.name.lower() != "received", headers.fields(section))
    expected = [field.value for field in above if field.name.lower() == "x-a"]
    assert headers.value_above_first_received(section, "X-A") == expected


@given(SECTIONS)
def test_without_takes_the_named_fields_and_not_one_octet_more(body: bytes) -> None:
    section = headers.header_section(body)
    expected = bytearray(section)
    for field in reversed(list(headers.fields(section))):
        if field.name.lower() == "x-a":
            del expected[field.start : field.end]
    assert headers.without(section, frozenset({"x-a"})) == expected
    assert headers.without(section, frozenset()) == section


@given(st.lists(FIELDS), st.binary())
def test_fields_put_together_are_found_and_taken_apart(written: list[tuple[bytes, bytes]], text: bytes) -> None:
    body = b"".join(octets for _, octets in written) + b"\r\n" + text
    section = headers.header_section(body)
    assert section + text == body
    assert [field.name.encode() for field in headers.fields(section)] == [name for name, _ in written]
    kept = b"".join(octets for name, octets in written if name.lower() != b"x-a")
    assert headers.without(section, frozenset({"x-a"})) + text == kept + b"\r\n" + text


@pytest.mark.parametrize(
    ("body", "section"),
    [
        (b"", b""),
        (b"\r\n", b"\r\n"),
        (b"\r\nA: 1\r\n", b"\r\n"),
        (b"no header at all\r\n\r\n", b""),
        (b"A: 1\r\n", b"A: 1\r\n"),
        (b"A: 1", b"A: 1"),
        (b"A: 1\r\nno colon here\r\nB: 2\r\n\r\n", b"A: 1\r\n"),
        (b"A : 1\r\n\r\nB: 2", b"A : 1\r\n\r\n"),
        (b"A: 1\r\n \r\n 2\r\n\r\n", b"A: 1\r\n \r\n 2\r\n\r\n"),
        (b"A: 1\n\nB: 2\n", b"A: 1\n\n"),
        (b"A: 1\r\n..\r\nB: 2\r\n", b"A: 1\r\n"),
    ],
)
def test_where_the_header_ends(body: bytes, section: bytes) -> None:
    assert headers.header_section(body) == section


def test_a_field_that_crosses_the_limit_is_left_whole() -> None:
    body = b"A: 1\r\nB: 2\r\n 3\r\n\r\n"
    assert [headers.header_section(body, limit) for limit in (6, 11, 12, 14, 17)] == [
        b"",
        b"A: 1\r\n",
        b"A: 1\r\n",
        b"A: 1\r\n",
        body,
    ]


def test_folded_values_are_unfolded() -> None:
    (field,) = headers.fields(b"Subject: one\r\n\ttwo\r\n  three \r\n")
    assert field == headers.Field("Subject", "one\ttwo  three", 0, 30)


def test_a_value_of_nothing_but_carriage_returns_takes_no_time() -> None:
    """It took twenty seconds when each was taken for the beginning of a line's end."""
    (value,) = headers.Header.of(b"To: ann" + b"\r" * 250_000 + b" bob\r\n\tcid\r\n\r\n").values(b"to")
    assert (len(value), value[-8:]) == (250_011, " bob\tcid")


def test_octets_that_are_not_utf8_come_back() -> None:
    (field,) = headers.fields(b"Subject: \xff\x00\r\x01 \xc3\xa9\r\n")
    assert field.value.encode("utf-8", "surrogateescape") == b"\xff\x00\r\x01 \xc3\xa9"


def test_only_what_stands_above_the_first_received_counts() -> None:
    section = b"x-authuser: ann\r\nX-AuthUser:\r\n bea\r\nReceived: from pc\r\nX-AuthUser: forged\r\n\r\n"
    assert headers.value_above_first_received(section, "X-AuthUser") == ["ann", "bea"]
    assert headers.without(section, frozenset({"x-authuser"})) == b"Received: from pc\r\n\r\n"


def test_the_message_id_is_the_first() -> None:
    assert headers.Header.of(b"Message-Id:\r\n <1@x>\r\nMessage-ID: <2@x>\r\n\r\n").message_id == "<1@x>"
    assert headers.Header.of(b"Subject: none\r\n\r\n").message_id == ""


def test_our_received_line() -> None:
    arrival = Arrival("mx.example", "192.0.2.7", "relay.example")
    assert headers.received_line(arrival, "4f2a", NOW) == (
        b"Received: from mx.example ([192.0.2.7])\r\n"
        b"\tby relay.example with ESMTP id 4f2a;\r\n"
        b"\tThu, 29 Feb 2024 12:34:56 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("esmtp", "tls", "smtputf8", "keyword"),
    [
        (False, False, False, "SMTP"),
        (True, False, False, "ESMTP"),
        (True, True, False, "ESMTPS"),
        (True, False, True, "UTF8SMTP"),
        (True, True, True, "UTF8SMTPS"),
    ],
)
def test_the_protocol_keyword(esmtp: bool, tls: bool, smtputf8: bool, keyword: str) -> None:
    arrival = Arrival("pc", "2001:db8::1", "relay.example", esmtp, tls, smtputf8)
    line = headers.received_line(arrival, "1", NOW)
    assert f" with {keyword} id ".encode() in line
    assert b"([IPv6:2001:db8::1])" in line


@given(st.text())
def test_no_helo_breaks_out_of_the_received_line(helo: str) -> None:
    line = headers.received_line(Arrival(helo, "192.0.2.7", "relay.example"), "1", NOW)
    assert re.fullmatch(
        rb"Received: from [!-'*-~]{1,255} \(\[192\.0\.2\.7\]\)\r\n\tby relay\.example [^\r\n]*\r\n\t[^\r\n]*\r\n", line
    )


@pytest.mark.parametrize("smuggled", [b".X-Login: ann\r\n", b"X-Login: ann\r\n. more\r\n", b".X-Login: a\r\n.\tb\r\n"])
def test_a_field_that_the_next_hop_will_see_is_removed_though_its_dot_was_not_doubled(smuggled: bytes) -> None:
    section = headers.header_section(b"Subject: x\r\n" + smuggled + b"To: y\r\n\r\nbody")
    assert headers.without(section, frozenset({"x-login"})) == b"Subject: x\r\nTo: y\r\n\r\n"
