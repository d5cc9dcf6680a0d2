"""What the reader sees of a message."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.text import MOST_TEXT, read
from detector.mail.written import Written


def message(text: str = "", page: str = "", subject: str = "a subject") -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = subject
    made.set_content(text)
    if page:
        made.add_alternative(page, subtype="html")
    return made


def test_the_page_is_shown_not_the_text_beside_it() -> None:
    letter = read(Written.of(message("harmless words", "<p>Verify your account").as_bytes()))
    assert letter.text == "Verify your account"
    assert letter.structure.html


def test_of_a_page_that_is_a_picture_the_text_beside_it_is_read() -> None:
    letter = read(Written.of(message("words", "<img src=cid:1>").as_bytes()))
    assert letter.text.strip() == "words"
    assert letter.structure.only_image


def test_subject_and_text_are_folded() -> None:
    letter = read(Written.of(message("p\u0430yp\u0430l", subject="Fr\u0435\u0435 \u200bgift").as_bytes()))
    assert (letter.subject, letter.text.strip()) == ("Free gift", "paypal")


def test_what_is_quoted_comes_last() -> None:
    letter = read(Written.of(b"Subject: Re: x\r\n\r\nAnn wrote:\r\n> old\r\n> lines\r\nnew line\r\n"))
    assert letter.text == "Ann wrote:\nnew line\n"
    assert letter.quoted == "> old\n> lines"


@pytest.mark.parametrize("beside", [b"", b"> old\r\n"])
def test_what_has_a_blank_before_its_mark_is_no_quotation(beside: bytes) -> None:
    letter = read(Written.of(b"Subject: x\r\n\r\nhi\r\n > verify\r\n\t> your account\r\n" + beside))
    assert letter.text.rstrip() == "hi\n > verify\n\t> your account"


def test_links_are_those_of_the_page_and_those_written_out() -> None:
    letter = read(
        Written.of(message("", '<a href="http://a.example/x">bank.invalid</a> or http://b.example/').as_bytes())
    )
    assert [link.host for link in letter.links] == ["a.example", "b.example"]
    assert letter.structure.misleading == 1


def test_attachments_are_known_by_their_extensions() -> None:
    made = message("see there")
    made.add_attachment(b"x", maintype="application", subtype="zip", filename="Invoice.PDF.exe")
    made.add_attachment(b"x", maintype="application", subtype="octet-stream")
    made.add_attachment("<p>not shown", subtype="html", filename="login.html")
    letter = read(Written.of(made.as_bytes()))
    assert letter.structure.attachments == ("exe", "application/octet-stream", "html")
    assert "not shown" not in letter.text


def test_forms_and_hidden_text_are_noted() -> None:
    page = "<form action=http://a.example/><p style='display:none'>zebra</p>go"
    structure = read(Written.of(message("", page).as_bytes())).structure
    assert (structure.form, structure.hidden) == (True, 5)


def test_a_long_text_is_read_in_its_beginning() -> None:
    assert len(read(Written.of(message("word " * 100_000).as_bytes())).text) <= MOST_TEXT


def test_nothing_is_a_message_too() -> None:
    letter = read(Written.of(b""))
    assert (letter.subject, letter.text, letter.links) == ("", "", ())


PIECES = st.sampled_from([
    b">", b" >", b"\r\n", b"\n", b"\t", b"word", b"\xc3\xa9", b"\r", b" ", b"Ann wrote:", b"\0", b"\xe2\x80\xa8",
    b"\xff",
])  # fmt: skip


@given(st.binary(max_size=500) | st.lists(PIECES, max_size=60).map(b"\r\n".join))
def test_of_any_octets_no_own_line_is_a_quotation_and_each_quoted_one_is(octets: bytes) -> None:
    letter = read(Written.of(octets))
    assert not [line for line in letter.text.split("\n") if line.startswith(">")]
    assert not letter.quoted or all(line.startswith(">") for line in letter.quoted.split("\n"))
    whole = letter.subject + letter.text + letter.quoted
    assert whole.encode().decode() == whole


def test_many_pages_in_one_message_share_what_two_of_them_may_cost() -> None:
    def read_of(pages: int) -> int:
        page = b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<i>" * 3000 + b"word</i>\r\n"
        message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + pages * page + b"--b--\r\n"
        return read(Written.of(message)).text.count("word")

    assert read_of(1) == 1
    assert read_of(2) == 2
    assert read_of(6) == 0
