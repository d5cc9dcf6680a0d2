"""Octets become text whatever their label says."""

import base64
from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.charset import decoded, from_base64, header_text


@pytest.mark.parametrize(("content", "label", "text"), [
    (b"Gr\xfc\xdfe", "iso-8859-1", "Grüße"),
    (b"\x93quoted\x94", "ISO-8859-1", "\u201cquoted\u201d"),  # as every reader shows it
    ("Привет".encode("koi8-r"), "KOI8-R", "Привет"),
    ("日本".encode("iso-2022-jp"), "iso-2022-jp", "日本"),
    ("中文".encode("gb18030"), "gb2312", "中文"),
    ("über".encode(), "us-ascii", "über"),
    (b"\xfcber", "us-ascii", "über"),
    (b"plain", "x-never-heard-of", "plain"),
    (b"plain", "", "plain"),
])  # fmt: skip
def test_text_is_read_by_its_label_or_by_its_looks(content: bytes, label: str, text: str) -> None:
    assert decoded(content, label) == text


@pytest.mark.parametrize("label", ["punycode", "idna", "rot13", "zlib", "unicode_escape", "undefined", "utf-8-sig\0"])
def test_codecs_that_are_no_charsets_are_not_used(label: str) -> None:
    assert decoded(b"as it \\x41 stands", label) == "as it \\x41 stands"


@given(st.binary(), st.sampled_from(["utf-7", "utf-16", "hz", "iso-2022-kr", "big5", "johab", "utf-32", ""]))
def test_any_octets_are_no_more_characters_and_these_can_be_encoded(content: bytes, label: str) -> None:
    text = decoded(content, label)
    assert text.encode().decode() == text
    assert len(text) <= len(content)


@given(st.text(), st.sampled_from(["utf-7", "utf-8", "utf-16", "utf-32", "gb18030"]))
def test_what_was_encoded_as_its_label_says_comes_back(text: str, label: str) -> None:
    assert decoded(text.encode(label), label) == text
    assert decoded(text.encode(), "x-unknown") == text


@pytest.mark.parametrize(("value", "text"), [
    ("plain", "plain"),
    ("=?utf-8?B?w7xiZXI=?=", "über"),
    ("=?utf-8?q?=C3=BCber_all?= the rest", "über all the rest"),
    ("=?utf-8?q?one?=\t=?utf-8?q?two?=", "onetwo"),
    ("=?iso-8859-1*de?Q?Gr=FC=DFe?=", "Grüße"),  # RFC 2231 section 5
    ("=?utf-8?B?broken", "=?utf-8?B?broken"),
    ("\udcfcber", "über"),  # raw Latin-1 octets
])  # fmt: skip
def test_encoded_words_are_read(value: str, text: str) -> None:
    assert header_text(value) == text


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_what_the_library_encodes_is_read_and_what_is_not_encoded_stays(value: str) -> None:
    assert header_text(Header(value, "utf-8").encode()) == value
    assert header_text(plain := value.replace("=?", "")) == plain


@pytest.mark.parametrize(("content", "octets"), [
    (b"aGVsbG8=", b"hello"),
    (b"aGVs\r\nbG8", b"hello"),
    (b"a!G#V$s bG8", b"hello"),
    (b"aGVsb", b"hel"),
    (b"", b""),
])  # fmt: skip
def test_base64_is_read_as_far_as_it_goes(content: bytes, octets: bytes) -> None:
    assert from_base64(content) == octets


@given(st.binary(), st.text("!#$ \r\n\t-_\0"), st.integers(0, 2))
def test_what_is_no_base64_and_padding_that_was_lost_make_no_difference(octets: bytes, noise: str, lost: int) -> None:
    encoded = base64.b64encode(octets).decode()
    encoded = encoded[: len(encoded) - min(lost, encoded.count("="))]
    assert from_base64(noise.join(encoded).encode()) == octets
