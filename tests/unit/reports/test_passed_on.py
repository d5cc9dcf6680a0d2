"""What somebody passes on is told from what he says himself."""

import pytest

from detector.reports.parts import pieces_of
from detector.reports.passed_on import passed_on

ORIGINAL = "Received: from hop by mx\nMessage-ID: <1@a.example>\nSubject: Automatic  reply: hello\n\nbuy\n"


@pytest.mark.parametrize(
    ("subject", "own"),
    [
        ("Fwd: Automatic reply: hello", "fwd: "),
        ("[Fwd: automatic reply: hello]", "[fwd: "),
        ("Automatic reply: Automatic reply: hello", "automatic reply: "),
        ("this is spam", "this is spam"),
        ("", ""),
    ],
)
def test_the_subject_of_the_message_is_not_his_own(subject: str, own: str) -> None:
    found = passed_on(pieces_of(f"From: bob@b.example\nSubject: {subject}\n\nstop\n\n{ORIGINAL}".encode()))
    assert (found.subject, found.said.strip()) == (own, "stop")
    assert found.header.values(b"message-id") == ["<1@a.example>"]


def test_of_a_letter_all_is_his_own() -> None:
    found = passed_on(pieces_of(b"From: bob@b.example\nSubject: Hello  Ann\n\nhow are you?\n"))
    assert (found.header.written, found.subject, found.said) == ([], "hello ann", "how are you?\n")
