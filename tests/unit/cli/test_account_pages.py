"""Pages about accounts in corners that the commands' tests do not reach."""

import pytest

from detector.cli.account_pages import show_exemption, show_lines


def test_a_list_without_accounts_is_said_to_be_empty(capsys: pytest.CaptureFixture[str]) -> None:
    show_lines([], 50, now=0.0)
    assert "No account was seen so far" in capsys.readouterr().out


def test_an_exemption_of_a_free_account_speaks_of_no_incident(capsys: pytest.CaptureFixture[str]) -> None:
    show_exemption("ann", 0.0, None)
    assert capsys.readouterr().out.startswith("ann is exempt until 1970-01-01 00:00:00 UTC.")
