"""Pages about accounts in corners that the commands' tests do not reach."""

import pytest

from detector.cli.account_pages import show_exemption, show_lines, window_in_words


def test_a_list_without_accounts_is_said_to_be_empty(capsys: pytest.CaptureFixture[str]) -> None:
    show_lines([], 50, now=0.0)
    assert "No account was seen so far" in capsys.readouterr().out


def test_an_exemption_of_a_free_account_speaks_of_no_incident(capsys: pytest.CaptureFixture[str]) -> None:
    show_exemption("ann", 0.0, None, unknown="")
    told = capsys.readouterr().out
    assert told.startswith("ann is exempt until 1970-01-01 00:00:00 UTC.")
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("size", "in_flight", "told"),
    [
        (20, 60, "no room for first-time recipients now: 60 under way or too fresh to count as clean, 20 at a time"),
        (20, 19, "room for 1 more first-time recipient: 19 under way or too fresh to count as clean, 20 at a time"),
        (20, 0, "room for 20 more first-time recipients: none under way, 20 at a time"),
    ],
)
def test_the_window_is_told_as_the_room_that_is_left(size: int, in_flight: int, told: str) -> None:
    assert window_in_words(size, in_flight) == told
