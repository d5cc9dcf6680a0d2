"""A report is taken to pieces leniently, and within bounds."""

from detector.content.mime import MOST_BYTES
from detector.reports.parts import MOST_TEXT, first, pieces_of

DSN = b"""From: MAILER-DAEMON@mx.example
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

for people
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

--b
Content-Type: message/rfc822

Message-ID: <1@customer.example>
Subject: hello

body
--b--
"""


def test_each_part_has_its_place() -> None:
    pieces = pieces_of(DSN)
    assert pieces.said.strip() == "for people"
    assert pieces.status is not None
    assert "Reporting-MTA" in pieces.status
    assert pieces.returned.message_id == "<1@customer.example>"
    assert (pieces.feedback, pieces.receipt) == (None, None)


def test_the_line_of_an_mbox_hides_nothing() -> None:
    assert pieces_of(b"From MAILER-DAEMON Mon Jan  1 00:00:00 2024\n" + DSN).status is not None


def test_a_message_in_one_piece_is_not_its_own_attachment() -> None:
    pieces = pieces_of(b"From: a@b.example\nMessage-ID: <1@b.example>\nReceived: from x\n\ntext\n")
    assert (pieces.said, pieces.returned.written) == ("text\n", [])


def test_a_returned_message_whose_type_was_forgotten_is_recognised() -> None:
    body = DSN.replace(b"Content-Type: message/rfc822\n\n", b"")
    assert pieces_of(body).returned.message_id == "<1@customer.example>"


def test_a_page_is_read_where_there_is_no_plain_text() -> None:
    page = b"Content-Type: text/html\n\n<p>not <b>delivered</b></p><script>no</script>"
    assert pieces_of(page).said == "not delivered"


def test_an_encoded_message_is_decoded() -> None:
    body = DSN.replace(
        b"Content-Type: message/rfc822\n\nMessage-ID: <1@customer.example>",
        b"Content-Type: message/global\nContent-Transfer-Encoding: base64\n\nTWVzc2FnZS1JRDogPDJAYS5leGFtcGxlPgo=",
    )
    assert pieces_of(body).returned.message_id == "<2@a.example>"


def test_a_multipart_without_a_boundary_is_text() -> None:
    assert "for people" in pieces_of(DSN.replace(b'boundary="b"', b'boundary="other"')).said


def test_what_is_too_long_is_cut() -> None:
    assert len(pieces_of(b"\n" + b"x" * (2 * MOST_BYTES)).said) == MOST_TEXT


def test_header_fields_are_read_as_people_see_them() -> None:
    header = pieces_of(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\tx\n\n").header
    assert first(header, b"subject") == "Grüße\tx"
    assert first(header, b"to") == ""
