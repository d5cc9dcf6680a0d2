"""The report of a calibration on the terminal."""

from dataclasses import replace

import pytest

from detector.cli.calibrate_page import MOST_SUSPECTS, show
from detector.cli.calibrate_result import Budgets, Watch, calibrate
from detector.cli.calibrate_safety import judge_safety
from detector.config import Judging
from detector.replay.maxima import Peak, Watched
from tests.unit.cli.test_calibrate_result import MONTH, population, watched


def page_of(capsys: pytest.CaptureFixture[str], accounts: list[Watched], live: bool = False) -> str:
    watch = Watch(accounts, {"exempt": 2}, {"club": "dismissed"}, ["3 lines broken."])
    calibration = calibrate(watch, Budgets(0.5, 8.0), Judging())
    show(calibration, judge_safety(calibration, accounts, 7 * MONTH) if live else None)
    return capsys.readouterr().out


def test_it_tells_what_was_seen_and_the_lines_for_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    page = page_of(capsys, population(2, 1200))
    assert "1,200, 7,200.0 account-months, median 6.0 months each" in page
    assert "2 (exempt)" in page
    assert "3 lines broken." in page
    block, hold = (line.split(" = ") for line in page.split("[judging]\n")[1].splitlines()[:2])
    assert (block[0].strip(), hold[0].strip()) == ("block_score", "hold_score")
    assert 7.7 <= float(block[1]) <= 12.0
    assert f"block from {float(block[1]):g}: measured. " in page
    assert "No account would have been blocked" in page
    assert "Safe to enforce" not in page


def test_an_extrapolated_threshold_is_called_so_with_what_a_promise_would_need(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = page_of(capsys, population(2, 333))
    assert "EXTRAPOLATED from the most suspicious tenth" in page
    assert "5,991 account-months without any would be a promise" in page


def test_too_little_traffic_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    page = page_of(capsys, population(2, 20), live=True)
    assert "block from 11.5: as it is today, too little was seen to say more" in page
    against, in_favour = page.split("Safe to enforce: no, because\n")[1].split("What speaks for it already:\n")
    assert against.startswith(" - 120 account-months")
    assert "100 % of the accounts have been seen" in in_favour
    assert "100 %" not in against


def test_what_is_safe_has_only_reasons_that_speak_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    page = page_of(capsys, population(2, 1200), live=True)
    assert len(page.split("Safe to enforce: yes, because\n")[1].splitlines()) == 3
    assert "speaks for it already" not in page


def test_a_block_that_is_rated_by_all_evidence_and_one_that_is_raised_are_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rated = [watched(f"a{number}", 6.0, 0.0, 1.0 + number / 100.0) for number in range(333)]
    assert "Too few accounts could ever have been blocked" in page_of(capsys, rated)
    often_held = [watched(f"a{number}", 12.0, 0.0, 9.0 if number < 60 else 0.5) for number in range(600)]
    assert "its score is raised to that of a hold" in page_of(capsys, often_held)


def test_suspects_are_shown_with_when_and_why_and_the_question(capsys: pytest.CaptureFixture[str]) -> None:
    page = page_of(capsys, [*population(2, 1200), watched("shop", 6.0, 12.0), watched("club", 6.0, 13.0)], live=True)
    assert "2 accounts would have been blocked" in page
    assert "--taken-over ACCOUNT" in page
    assert "13.0 nats, 1970-01-01 00:16:40; dismissed" in page
    assert " - many strangers" in page
    assert " - 1 account would have been blocked, and nobody" in page.split("Safe to enforce: no, because\n")[1]


def test_a_long_list_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    page = page_of(capsys, [watched(f"a{number}", 6.0, 14.0) for number in range(MOST_SUSPECTS + 3)])
    assert "... and 3 more; --json has them." in page


def test_of_many_reasons_the_weightiest_and_the_sum_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    reasons = [f"reason {number}" for number in range(9)]
    page = page_of(capsys, [replace(watched("shop", 6.0, 14.0), peak=Peak(0.0, 14.0, [*reasons, "the sum"]))])
    assert [line for line in page.splitlines() if line.startswith(" - reason")] == [f" - reason {n}" for n in range(4)]
    assert " - the sum" in page
