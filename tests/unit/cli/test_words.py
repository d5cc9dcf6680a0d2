"""Words for operators; their examples run as doctests, these are the corners."""

import pytest

from detector.cli.words import counted, moment, shown, since, span


def test_a_clock_that_steps_back_makes_no_negative_times() -> None:
    assert span(-5.0) == "0.0 s"
    assert since(100.0, 90.0).endswith("(0.0 s ago)")


def test_a_login_that_is_not_utf8_can_be_shown() -> None:
    assert shown("ann\udcff\u202e") == "ann??"
    assert shown("Zoë") == "Zoë"


def test_the_noun_follows_the_number() -> None:
    assert [counted(n, "day") for n in (0, 1, 2)] == ["0 days", "1 day", "2 days"]


@pytest.mark.parametrize("at", [1e15, -1e15, 1e300, float("inf")])
def test_a_time_that_no_calendar_has_is_told_as_a_number(at: float) -> None:
    assert moment(at).endswith(" s after 1970")
