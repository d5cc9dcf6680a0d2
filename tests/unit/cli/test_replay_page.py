"""The report of a replay on the terminal."""

from dataclasses import replace

import pytest

from detector.cli.replay_page import MOST_STOPS, show
from detector.models import load_prior
from detector.replay.findings import Collector, Findings, Hold
from detector.verdict.policy import Policy
from tests.unit.replay.stories import found


@pytest.fixture(scope="module")
def findings() -> Findings:
    prior, model_version = load_prior()
    return found(Policy(b"key", prior, model_version))


def test_it_tells_who_when_why_and_what_other_thresholds_cost(
    findings: Findings, capsys: pytest.CaptureFixture[str]
) -> None:
    show(findings, ["3 lines broken."])
    page = capsys.readouterr().out
    for words in ("1 account would have been stopped", "\nann\n", "3 lines broken.", "MEDIAN", *findings.stops[0].why):
        assert words in page
    assert sum(line.split()[0] == "12" for line in page.splitlines() if line.strip()) == 1


def test_a_long_list_is_cut(findings: Findings, capsys: pytest.CaptureFixture[str]) -> None:
    show(replace(findings, stops=findings.stops * (MOST_STOPS + 3)), [])
    assert "... and 3 more" in capsys.readouterr().out


def test_the_threshold_in_use_is_a_row_that_is_marked(findings: Findings, capsys: pytest.CaptureFixture[str]) -> None:
    show(findings, [])
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.endswith("<- in use")]
    assert float(row.split()[0]) == findings.block_score


def test_it_tells_whose_mail_would_have_been_held(findings: Findings, capsys: pytest.CaptureFixture[str]) -> None:
    hold = Hold("eve", 0.0, 7.3, ["many strangers", "7.3 in all"], 2)
    show(replace(findings, held_accounts=12, held_messages=30, holds=[hold]), [])
    page = capsys.readouterr().out
    for words in (
        "30 messages of 12 accounts would have been held",
        "\neve\n",
        "2 messages, the first 1970",
        "strangers",
    ):
        assert words in page
    show(replace(findings, held_accounts=0, held_messages=0, holds=[]), [])
    assert "No mail would have been held" in capsys.readouterr().out


def test_an_empty_record_says_so_and_has_no_tables(capsys: pytest.CaptureFixture[str]) -> None:
    show(Collector(11.5).findings(), ["0 lines read."])
    page = capsys.readouterr().out
    assert "Nothing could be judged" in page
    assert "0 lines read." in page
    assert "BLOCK FROM" not in page
