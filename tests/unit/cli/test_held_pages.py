import pytest

from detector.cli.held_pages import as_lines, show_list, show_message
from detector.records.held_entries import HeldRecipient, RecipientState
from tests.support.held_house import a_held_message


def test_no_held_mail_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([], 0.0)
    assert capsys.readouterr().out == "No held mail.\n"


def test_what_a_sender_wrote_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    recipient = HeldRecipient("TO:<bob@example.net>", RecipientState.REFUSED, "550 \x1b[2Jno")
    message = a_held_message(recipients=(recipient,), problem="550 \x1b[2Jno")
    show_message(message, b"Subject: \x1b[2J\xff\r\n", False, 20.0)
    output = capsys.readouterr().out
    assert "\x1b[2J" not in output
    assert "550 ?[2Jno" in output


def test_a_line_for_programs_has_no_recipient() -> None:
    (line,) = as_lines([(a_held_message(), False)])
    assert line["recipients"] == 1
    assert "bob" not in str(line)
