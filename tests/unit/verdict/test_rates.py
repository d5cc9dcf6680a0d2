"""Rates of what was seen seldom, and how high they may be in truth."""

from math import exp, factorial, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.verdict.rates import bound, months_needed, per_1000, poisson_mean


@pytest.mark.parametrize(("count", "garwood"), [(0, 2.996), (1, 4.744), (2, 6.296), (5, 10.513), (10, 16.962)])
def test_the_bounds_are_those_of_garwoods_table(count: int, garwood: float) -> None:
    assert poisson_mean(count, 0.05) == pytest.approx(garwood, abs=0.0006)


@given(count=st.integers(0, 60), probability=st.floats(0.01, 0.99))
def test_a_poisson_number_of_that_mean_is_at_most_so_large_that_often(count: int, probability: float) -> None:
    mean = poisson_mean(count, probability)
    assert exp(-mean) * sum(mean**k / factorial(k) for k in range(count + 1)) == pytest.approx(probability, rel=1e-6)


@pytest.mark.parametrize("count", [10_000, 1_000_000])
def test_large_counts_are_as_a_normal_distribution_says(count: int) -> None:
    assert (poisson_mean(count, 0.05) - count) / count**0.5 == pytest.approx(1.645, abs=0.03)
    assert (poisson_mean(count, 0.95) - count) / count**0.5 == pytest.approx(-1.645, abs=0.03)


@given(accounts=st.integers(0, 200), months=st.floats(0.1, 1e5), times=st.integers(2, 20))
def test_more_clean_traffic_never_raises_the_bound_at_the_same_rate(accounts: int, months: float, times: int) -> None:
    assert bound(accounts * times, months * times) <= bound(accounts, months) * (1.0 + 1e-6)
    assert bound(accounts, months) > per_1000(accounts, months)


def test_the_traffic_needed_for_a_promise_is_the_rule_of_three() -> None:
    assert months_needed(0.5) == pytest.approx(3000.0 / 0.5, rel=0.01)
    assert bound(0, months_needed(0.5)) == pytest.approx(0.5)


def test_without_any_traffic_nothing_is_promised() -> None:
    assert bound(0, 0.0) == inf
