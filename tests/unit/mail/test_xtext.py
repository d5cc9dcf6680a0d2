import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail import xtext

octets = st.binary().map(lambda octets: octets.decode("utf-8", "surrogateescape"))


@given(octets)
def test_any_octets_come_back(text: str) -> None:
    assert xtext.decode(xtext.encode(text)) == text


@given(octets)
def test_what_is_written_is_printable_ascii_without_equals_sign(text: str) -> None:
    assert all("!" <= letter <= "~" and letter != "=" for letter in xtext.encode(text))


@given(st.text("+4aG =%\r\t\x7f\u00e9") | st.text())
def test_text_is_read_where_two_hexadecimal_digits_follow_each_plus_and_else_refused(text: str) -> None:
    if re.fullmatch(r"(?:[^\x00-\x20\x7f+]|\+[0-9A-Fa-f]{2})*", text):
        assert xtext.decode(text) == unquote(text.replace("%", "%25").replace("+", "%"), errors="surrogateescape")
    else:
        with pytest.raises(ValueError, match="not xtext"):
            xtext.decode(text)


@pytest.mark.parametrize("text", ["+", "+4", "+GG", "a+2", "a b", "a\r\n", "tab\t"])
def test_what_is_not_xtext_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="xtext"):
        xtext.decode(text)


def test_postfix_does_not_escape_the_equals_sign() -> None:
    assert xtext.attributes("HELO=a=b") == {"HELO": "a=b"}


def test_an_xforward_line_of_postfix_is_read() -> None:
    line = "NAME=pc.example ADDR=198.51.100.7 PORT=40123 HELO=pc+20one IDENT=037BC21A91B PROTO=ESMTP SOURCE=REMOTE"
    assert xtext.attributes(line) == {
        "NAME": "pc.example",
        "ADDR": "198.51.100.7",
        "PORT": "40123",
        "HELO": "pc one",
        "IDENT": "037BC21A91B",
        "PROTO": "ESMTP",
        "SOURCE": "REMOTE",
    }


def test_what_is_not_available_is_empty() -> None:
    assert xtext.attributes("name=[UNAVAILABLE] ADDR=[tempunavail]") == {"NAME": "", "ADDR": ""}


def test_an_ipv6_address_loses_its_prefix_and_only_an_address_does() -> None:
    assert xtext.attributes("ADDR=IPv6:::1 HELO=IPV6:x") == {"ADDR": "::1", "HELO": "IPV6:x"}


@pytest.mark.parametrize(
    "argument", ["", "  ", "NAME", "=x", "NA-ME=x", "ADDR=1 addr=2", "HELO=+0D+0A250", "HELO=" + "x" * 5000]
)
def test_a_broken_attribute_list_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match="attribute"):
        xtext.attributes(argument)
