"""When it is said to be safe to enforce, and when not."""

from dataclasses import replace

import pytest

from detector.cli.calibrate_result import Budgets, Calibration, Watch, calibrate
from detector.cli.calibrate_safety import Safety, judge_safety
from detector.config import Judging
from detector.replay.maxima import Watched
from tests.unit.cli.test_calibrate_result import MONTH, population, watched

NOW = 7 * MONTH
DAY = 86_400.0


def judged(accounts: list[Watched], explained: dict[str, str] | None = None, budget: float = 0.5) -> Safety:
    return judge_safety(calibration_of(accounts, explained, budget), accounts, NOW)


def calibration_of(accounts: list[Watched], explained: dict[str, str] | None, budget: float) -> Calibration:
    return calibrate(Watch(accounts, {}, explained or {}), Budgets(budget, 8.0), Judging())


def against(safety: Safety) -> list[str]:
    return [reason.text for reason in safety.reasons if not reason.speaks_for]


def test_enough_clean_traffic_of_accounts_that_are_known_is_safe() -> None:
    safety = judged(population(2, 1200))
    assert safety.safe
    assert len(safety.reasons) == 3
    assert "7,200 account-months of clean traffic keep the budget" in safety.reasons[0].text


def test_a_tail_of_many_accounts_is_safe_and_called_extrapolated() -> None:
    safety = judged(population(2, 333))
    assert safety.safe
    assert "5,991 would be a promise" in safety.reasons[0].text
    assert "extrapolated" in safety.reasons[0].text


@pytest.mark.parametrize(("accounts", "why"), [(20, "say too little"), (120, "are too few")])
def test_few_accounts_are_not_safe(accounts: int, why: str) -> None:
    (reason,) = against(judged(population(2, accounts, months=1.0)))
    assert why in reason
    assert "Look on for longer" in reason


def test_accounts_that_are_hardly_known_are_not_safe() -> None:
    young = [replace(one, begins_at=NOW - 13 * DAY, ends_at=NOW, blockable=1.0) for one in population(2, 8000)]
    assert against(judged(young)) == ["0 % of the accounts have been seen for 14 days; it should be 80 %"]
    some_old = [replace(one, begins_at=NOW - 200 * DAY) for one in young[:6400]]
    assert against(judged(some_old + young[6400:])) == []


def test_an_account_that_nobody_has_explained_is_not_safe() -> None:
    accounts = [*population(2, 1200), watched("shop", 6.0, 12.0)]
    (reason,) = against(judged(accounts))
    assert reason.startswith("1 account would have been blocked")
    assert "--taken-over or --innocent" in reason
    assert against(judged(accounts, {"shop": "dismissed"})) == []
