"""The clock of an account stands still rather than go back by a little, and is set right when it was far ahead."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.clock import DAY, END_OF_TIME, day_of, latest

NOON = 20_000 * DAY + DAY / 2
times = st.floats(min_value=0.0, max_value=END_OF_TIME)
clocks = st.floats(allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize("back", [0.0, 0.001, 5.0, 3600.0, DAY])
def test_a_clock_set_back_by_up_to_a_day_stands_still(back: float) -> None:
    assert latest(NOON, NOON - back) == NOON


def test_a_clock_more_than_a_day_behind_is_believed_so_that_forgetting_goes_on() -> None:
    wrong = NOON + 400 * DAY
    at = latest(wrong, NOON)
    assert at == NOON
    assert latest(at, NOON + 60.0) == NOON + 60.0


def test_hosts_that_disagree_by_seconds_age_an_account_as_one_good_clock_would() -> None:
    at = passed = 0.0
    for second in range(600):
        skew = -30.0 if second % 2 else 0.0  # every other message comes through a host that is half a minute behind
        later = latest(at or NOON, NOON + second + skew)
        passed += later - (at or NOON)
        at = later
    assert passed <= 599.0


@given(times, clocks)
def test_whatever_a_clock_says_the_time_can_be_packed(before: float, now: float) -> None:
    at = latest(before, now)
    assert 0.0 <= at <= END_OF_TIME
    assert 0 <= int(at) < 2**32
    assert latest(at, at) == at


@given(times, times)
def test_the_time_is_one_of_the_two_and_never_a_little_earlier(before: float, now: float) -> None:
    at = latest(before, now)
    assert at in {before, now}
    assert at >= before or at < before - DAY


@pytest.mark.parametrize(("now", "at"), [(nan, NOON), (inf, END_OF_TIME), (-inf, 0.0), (1e300, END_OF_TIME)])
def test_a_clock_that_tells_no_time_at_all_does_no_lasting_harm(now: float, at: float) -> None:
    assert latest(NOON, now) == at
    assert latest(at, NOON) == NOON


def test_days_are_utc_days_and_change_at_midnight() -> None:
    assert day_of(0.0) == 0
    assert day_of(NOON) == 20_000
    assert day_of(20_001 * DAY - 0.001) == 20_000
    assert day_of(20_001 * DAY) == 20_001
