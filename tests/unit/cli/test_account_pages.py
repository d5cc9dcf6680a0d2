"""Pages about accounts in corners that the commands' tests do not reach."""

from dataclasses import replace

import pytest

from detector.cli.account_pages import cohort_in_words, show_exemption, show_lines, weeks_in_words, window_in_words
from detector.cli.dossier import Line, Weeks
from detector.records.records import Exemption


def test_a_list_without_accounts_is_said_to_be_empty(capsys: pytest.CaptureFixture[str]) -> None:
    show_lines([], 50, now=0.0)
    assert "No account was seen so far" in capsys.readouterr().out


def test_an_exemption_of_a_free_account_speaks_of_no_incident(capsys: pytest.CaptureFixture[str]) -> None:
    show_exemption(Exemption("ann", 0.0, "olga", "ticket 1"), None, unknown="")
    told = capsys.readouterr().out
    assert told.startswith("ann is exempt until 1970-01-01 00:00:00 UTC.")
    assert len(told.splitlines()) == 1


def test_a_declaration_of_a_blocked_account_says_that_it_stays_blocked(capsys: pytest.CaptureFixture[str]) -> None:
    show_exemption(Exemption("ann", None, "olga", "shop", 500, 2000), "i-1", unknown="")
    told = capsys.readouterr().out
    assert told.startswith("ann is exempt until revoked for at most 500 recipients an hour and 2000 a day.")
    assert "blocked by incident i-1, and stays so: a declaration does not lift a block" in told


def test_columns_that_say_nothing_are_left_out_of_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    plain = Line("ann", "free", "", None, None, 0.0, 0.0, 0.0)
    show_lines([plain], 50, now=0.0)
    assert capsys.readouterr().out.splitlines()[0].endswith("LAST MAIL")
    show_lines([plain, replace(plain, cohort="organisation")], 50, now=0.0)
    assert capsys.readouterr().out.splitlines()[0].endswith("COHORT")
    show_lines([plain, replace(plain, recipients_per_hour=500, recipients_per_day=2000)], 50, now=0.0)
    assert capsys.readouterr().out.splitlines()[2].endswith("500/h 2000/d")


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


@pytest.mark.parametrize(
    ("assigned", "learned", "told"),
    [
        ("", "", "person, until its own mail tells more"),
        ("", "application", "application, as its own mail tells"),
        ("organisation", "", "organisation, as a person said"),
        ("organisation", "application", "organisation, as a person said; its own mail tells: application"),
    ],
)
def test_of_a_cohort_it_is_told_who_said_so(assigned: str, learned: str, told: str) -> None:
    assert cohort_in_words(assigned, learned) == told


@pytest.mark.parametrize(
    ("weeks", "told"),
    [
        (Weeks(40.0, 2.0, 1.0), "of about 40 recipients 2 bounced and 1 complained: too few to tell shares"),
        (
            Weeks(1200.0, 18.0, 1.0, 0.0, 0.015, 0.0008, 0.0, 1),
            "of about 1200 recipients 1.5% bounced and 0.08% complained; 1 complainer of half a year",
        ),
        (
            Weeks(40.0, deferred=3.0),
            "of about 40 recipients 0 bounced and 0 complained: too few to tell shares; 3 were put off for a while",
        ),
        (
            Weeks(400.0, 0.0, 0.0, 30.0, 0.0, 0.0, 0.075),
            "of about 400 recipients 0.0% bounced and 0.00% complained; 7.5% were put off for a while",
        ),
    ],
)
def test_shares_are_told_only_where_enough_was_sent(weeks: Weeks, told: str) -> None:
    assert weeks_in_words(weeks) == told
