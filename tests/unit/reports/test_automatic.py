"""Programs that answer for people are recognised, and bounces that carry the same marks are not taken for them."""

import pytest

from detector.reports.automatic import auto_reply, is_refusal, receipt
from detector.reports.parts import pieces_of

RECEIPT = """From: bob@example.net
Subject: {subject}
Content-Type: multipart/report; report-type=disposition-notification; boundary=b

--b

{said}
--b
Content-Type: message/disposition-notification

Final-Recipient: rfc822; bob@example.net
Original-Message-ID: <1@customer.example>
Disposition: automatic-action/MDN-sent-automatically; displayed

--b--
"""


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-replied (vacation)",
        "X-Autoreply: yes",
        "Precedence: auto_reply",
        "Return-Path: <>",
        "Subject: Out of office: hello",
        "Subject: Automatische Antwort: hello",
        "Subject: [Automatyczna =?iso-8859-2?Q?odpowied=BC?=] hello",
    ],
)
def test_an_automatic_answer_is_known_by_any_of_its_marks(field: str) -> None:
    found = auto_reply(
        pieces_of(f"From: bob@example.net\n{field}\nIn-Reply-To: <1@a.example>\n\nI am away.\n".encode())
    )
    assert found is not None
    assert (found.kind, found.original.message_id) == ("vacation", "<1@a.example>")


def test_a_challenge_is_an_automatic_answer() -> None:
    found = auto_reply(pieces_of(b"From: bob@example.net\n\nClick here to be added to my list of approved senders.\n"))
    assert found is not None
    assert found.kind == "challenge"


@pytest.mark.parametrize("field", ["Auto-Submitted: no", "Precedence: list", "Subject: hello"])
def test_a_letter_is_no_automatic_answer(field: str) -> None:
    assert auto_reply(pieces_of(f"From: bob@example.net\n{field}\n\nhello\n".encode())) is None


def test_a_receipt_is_no_bounce() -> None:
    found = receipt(pieces_of(RECEIPT.format(subject="Read: hello", said="It was read.").encode()))
    assert found is not None
    assert (found.kind, found.original.message_id) == ("receipt", "<1@customer.example>")


def test_a_refusal_by_a_filter_is_a_bounce_though_it_looks_like_a_receipt() -> None:
    pieces = pieces_of(RECEIPT.format(subject="Automatically rejected mail", said="Quota exceeded").encode())
    assert is_refusal(pieces)
    assert receipt(pieces) is None
