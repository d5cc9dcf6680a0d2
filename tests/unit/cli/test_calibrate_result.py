"""What comes of accounts that were watched: thresholds, a table, and open questions."""

from itertools import pairwise

import numpy as np
import pytest

from detector.cli.calibrate_result import Budgets, Calibration, Known, Watch, calibrate
from detector.cli.ends import Impossible
from detector.config import Judging
from detector.replay.maxima import Peak, Watched
from detector.verdict.calibration import Basis

MONTH = 30 * 86_400.0
TODAY = Judging()
BUDGETS = Budgets(0.5, 8.0)


def watched(account: str, months: float, blockable: float, highest: float | None = None) -> Watched:
    peak = Peak(1000.0, blockable, ["many strangers"]) if blockable >= 7.0 else None
    return Watched(account, 0.0, months * MONTH, blockable if highest is None else highest, blockable, peak)


def population(seed: int, accounts: int, months: float = 6.0) -> list[Watched]:
    """Honest accounts whose mail is suspicious now and then; most of what is held could not have been blocked."""
    rng = np.random.default_rng(seed)
    highest = rng.exponential(1.2, accounts) + rng.exponential(0.8, accounts)
    speak = rng.uniform(0.2, 1.0, accounts)
    return [
        watched(f"a{number}", months, blockable, high)
        for number, (high, blockable) in enumerate(zip(highest.tolist(), (highest * speak).tolist(), strict=True))
    ]


def calibrated(accounts: list[Watched], budgets: Budgets = BUDGETS, **more: object) -> Calibration:
    return calibrate(Watch(accounts, {}, **({"explained": {}} | more)), budgets, TODAY)  # type: ignore[arg-type]


def alarms(accounts: list[Watched], calibration: Calibration) -> tuple[float, float]:
    """Realised blocks and holds in 1000 account-months."""
    months = sum(one.months for one in accounts)
    blocked = sum(one.blockable >= calibration.judging["block_score"] for one in accounts)
    held = sum(one.highest >= calibration.judging["hold_score"] for one in accounts)
    return 1000.0 * blocked / months, 1000.0 * held / months


@pytest.mark.parametrize("seed", range(8))
def test_what_is_calibrated_on_one_half_of_the_accounts_holds_on_the_other(seed: int) -> None:
    accounts = population(seed, 2400)
    one_half, other_half = accounts[::2], accounts[1::2]  # 7,200 account-months each: enough for a budget of 0.5
    calibration = calibrated(one_half)
    assert calibration.blocks.basis is calibration.holds.basis is Basis.MEASURED
    blocks, holds = alarms(other_half, calibration)
    assert blocks <= 1.5 * 0.5
    assert 0.0 < holds <= 1.5 * 8.0


def test_both_budgets_have_their_threshold_and_a_block_is_not_below_a_hold() -> None:
    calibration = calibrated(population(3, 1200))
    assert calibration.judging == {
        "block_score": calibration.blocks.threshold,
        "hold_score": calibration.holds.threshold,
    }
    assert calibration.holds.threshold < calibration.blocks.threshold
    assert not calibration.raised
    Judging(**calibration.judging)  # the configuration takes it


def test_where_blocks_would_come_before_holds_they_are_raised() -> None:
    """One kind of evidence alone, such as letters of clubs, is held at scores at which nothing is ever blocked."""
    accounts = [watched(f"a{number}", 12.0, 0.0, 9.0 if number < 60 else 0.5) for number in range(600)]
    calibration = calibrated(accounts)
    assert calibration.raised
    assert calibration.judging["block_score"] == calibration.judging["hold_score"] == 9.1
    Judging(**calibration.judging)


def test_the_table_tells_of_whole_nats_to_beyond_the_chosen_ones() -> None:
    calibration = calibrated([watched(f"a{number}", 6.0, 13.5) for number in range(1000)])
    assert [row.threshold for row in calibration.table] == [float(nats) for nats in range(4, 16)]
    assert all(
        low.blocked.accounts >= high.blocked.accounts and low.blocked.at_most >= high.blocked.at_most
        for low, high in pairwise(calibration.table)
    )
    assert calibration.table[-1].blocked.accounts == 0


def test_who_would_be_blocked_today_is_a_suspect_although_he_has_raised_the_threshold() -> None:
    calibration = calibrated([*population(1, 1100), watched("thief", 6.0, 31.0), watched("shop", 6.0, 11.5)])
    assert calibration.blocks.threshold > 31.0
    assert [(one.account, one.score, one.at) for one in calibration.suspects] == [
        ("thief", 31.0, 1000.0),
        ("shop", 11.5, 1000.0),
    ]
    assert calibration.suspects[0].why == ["many strangers"]


def test_what_people_have_said_stands_beside_a_suspect() -> None:
    accounts = [*population(1, 1100), watched("Shop", 6.0, 14.0), watched("club", 6.0, 0.5)]
    known = Known(innocent=["shop", "shpo"])
    calibration = calibrated(accounts, explained=known.explained, undecided={"club"})
    assert [(one.account, one.explained) for one in calibration.suspects] == [
        ("Shop", "innocent, as you said"),
        ("club", ""),
    ]
    assert known.unseen(one.account for one in accounts) == ["No mail of shpo is counted here."]


def test_the_traffic_is_summed_up() -> None:
    accounts = [watched("a", 1.0, 0.0), watched("b", 3.0, 0.0), watched("c", 8.0, 0.0)]
    traffic = calibrate(Watch(accounts, {"exempt": 2, "confirmed": 0}, {}), BUDGETS, TODAY).traffic
    assert (traffic.accounts, traffic.account_months, traffic.median_months) == (3, 12.0, 3.0)
    assert (traffic.begins_at, traffic.ends_at) == (0.0, 8.0 * MONTH)
    assert traffic.left_out == {"exempt": 2}


def test_little_traffic_leaves_todays_thresholds() -> None:
    calibration = calibrated(population(1, 20))
    assert calibration.judging == {"block_score": TODAY.block_score, "hold_score": TODAY.hold_score}


def test_without_clean_traffic_nothing_is_calibrated_and_it_is_said_why() -> None:
    with pytest.raises(Impossible, match="no clean traffic to calibrate with"):
        calibrate(Watch([], {}, {}, ["The record covers 3 days."]), BUDGETS, TODAY)
