"""Nobody is left in a text that was redacted, and what is no name stays."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.cli.redaction import Redactor

REDACTOR = Redactor(b"key", {"ann@example.org", "kim"}, {"example.org", "hop.example.net"}, {"s3cret-word", "abc"})


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("mail of Ann@Example.org was held", "ann"),
        ("kim sent too much", "kim"),
        ("sasl_username=unknown-to-us, x", "unknown-to-us"),
        ("account='o.hara' action=hold", "o.hara"),
        ("from <bob+list@strangers.example>", "bob"),
        ("client 192.0.2.77:25", "192.0.2.77"),
        ("client [2001:db8::1]:25", "2001:db8::1"),
        ("connect to mx.hop.example.net: refused", "hop.example.net"),
        ("in /etc/ssl/hop.example.net.pem", "hop.example.net"),
        ("client=pc.customers.example[192.0.2.7]", "customers"),
        ("helo=<laptop> proto=ESMTP", "laptop"),
        ("the word is s3cret-word.", "s3cret-word"),
        ("user@[192.0.2.9]", "192.0.2.9"),
    ],
)
def test_who_it_is_about_is_gone(text: str, gone: str) -> None:
    assert gone.lower() not in REDACTOR.text(text).lower()


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T09:48:38Z started version=0.1.0",
        "452 4.3.1 disk full at 09:48:38",
        "listen 127.0.0.1:10025 [::1]:10025 0.0.0.0",
        "kimono and abcdef are no names",
        'detector_state_degraded{store="profiles"} 0.0',
        "/var/lib/detector/records.sqlite: schema 0006",
    ],
)
def test_what_is_no_name_stays(text: str) -> None:
    assert REDACTOR.text(text) == text


def test_the_same_account_has_the_same_name_and_another_key_another() -> None:
    one, other = REDACTOR.text("kim"), REDACTOR.text("KIM wrote")
    assert other.startswith(one)
    assert Redactor(b"other", {"kim"}).text("kim") != one
    assert one.startswith("account-")


def test_a_line_of_json_is_redacted_field_by_field() -> None:
    line = '{"event": "verdict", "account": "lee", "client": "192.0.2.7", "groups": {"bulk": 7.0}, "accounts": ["moe"]}'
    found = json.loads(REDACTOR.line(line))
    assert (found["event"], found["groups"]) == ("verdict", {"bulk": 7.0})
    assert found["account"].startswith("account-")
    assert found["client"].startswith("ip-")
    assert found["accounts"][0].startswith("account-")


def test_other_lines_are_redacted_as_text() -> None:
    assert "kim" not in REDACTOR.line("Nov 22 host postfix/smtpd[3]: A1: sasl_username=kim")
    assert "kim" not in REDACTOR.line('["kim"]')


def test_an_empty_account_is_no_name() -> None:
    assert REDACTOR.value({"account": ""}) == {"account": ""}


@pytest.mark.parametrize(
    "address",
    [
        '"john doe"@x.example',
        "bounce+ann=example.com@lists.example",
        "o'hara@x.example",
        "a|b{c}@x.example",
        "u@[192.0.2.9]",
    ],
)
def test_odd_addresses_leave_nothing_of_themselves(address: str) -> None:
    assert re.fullmatch("to <address-[0-9a-f]{8}> now", REDACTOR.text(f"to <{address}> now"))


@given(st.emails())
def test_no_address_leaves_anything_of_itself(address: str) -> None:
    assert re.fullmatch("to <address-[0-9a-f]{8}>, now", REDACTOR.text(f"to <{address}>, now"))


def test_an_account_of_several_words_is_found() -> None:
    redactor = Redactor(b"key", phrases={"ann o'hara"})
    assert re.fullmatch("mail of account-[0-9a-f]{8} was held", redactor.text("mail of Ann O'Hara was held"))


def test_a_host_of_one_word_is_found() -> None:
    assert re.fullmatch(
        "the next hop host-[0-9a-f]{8}:25", Redactor(b"key", hosts={"mailhub"}).text("the next hop mailhub:25")
    )


PIECES = st.sampled_from(
    ['"', "'", "@", "<", "user=", "helo=", "\n", "[", "192.0.2.7", "::", "s3cret-", "kim", "{", "x.", " "]
)


@given(st.text(max_size=50) | st.lists(PIECES).map("".join), st.text(max_size=50) | st.lists(PIECES).map("".join))
def test_whatever_stands_around_a_name_or_a_secret_it_is_gone(before: str, after: str) -> None:
    found = REDACTOR.line(f"{before} kim sent s3cret-word{after}")
    assert "kim sent" not in found
    assert "s3cret-word" not in found


@given(
    st.ip_addresses(v=4).filter(lambda a: not (a.is_loopback or a.is_unspecified)),
    st.sampled_from([" ", "[", "=", "(", '"']),
)
def test_no_address_of_a_network_stays(address: object, before: str) -> None:
    assert str(address) not in REDACTOR.text(f"client{before}{address}: x")


@given(st.ip_addresses(v=6).filter(lambda a: not (a.is_loopback or a.is_unspecified)))
def test_no_address_of_version_6_stays(address: object) -> None:
    assert str(address) not in REDACTOR.text(f"client [{address}]:25")
