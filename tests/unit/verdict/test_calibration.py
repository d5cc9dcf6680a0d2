"""The knob keeps what it promises on accounts that it was not turned with."""

from collections.abc import Callable
from itertools import pairwise
from math import inf, isfinite
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.verdict.calibration import MOST, Basis, Seen, choose, least, rate_at
from detector.verdict.rates import bound, months_needed

DEFAULT = 11.5
BUDGETS = st.floats(0.01, 100.0)
SCORES = st.floats(-0.7, 100.0)
SEEN = st.lists(st.builds(Seen, st.floats(0.01, 60.0), SCORES), max_size=300)
Draw = Callable[[np.random.Generator, int], list[Seen]]


def people(number: int, highest: float, months: float = 6.0) -> list[Seen]:
    return [Seen(months, highest)] * number


@given(seen=SEEN.filter(bool))
def test_a_higher_threshold_alarms_no_more_accounts(seen: list[Seen]) -> None:
    rates = [rate_at(seen, threshold) for threshold in range(20)]
    assert all(low.accounts >= high.accounts and low.at_most >= high.at_most for low, high in pairwise(rates))
    assert all(rate.expected < rate.at_most for rate in rates)


# -- thresholds --


@given(seen=SEEN, budget=BUDGETS)
def test_a_threshold_is_finite_and_not_below_the_floor_whatever_was_seen(seen: list[Seen], budget: float) -> None:
    choice = choose(seen, budget, DEFAULT)
    assert isfinite(choice.threshold)
    assert least(budget) - 1e-9 <= choice.threshold <= MOST or choice.basis is Basis.DEFAULT
    assert round(choice.threshold, 1) == choice.threshold


@given(seen=SEEN, budget=BUDGETS)
def test_a_measured_threshold_keeps_the_budget_with_its_bound(seen: list[Seen], budget: float) -> None:
    choice = choose(seen, budget, DEFAULT)
    if choice.basis is Basis.MEASURED and choice.threshold < MOST:
        assert choice.rate.at_most <= budget
    assert (choice.basis is Basis.MEASURED) == (choice.months >= choice.months_needed)


@given(seen=SEEN, one=st.floats(0.01, 50.0), other=st.floats(0.01, 50.0))
def test_who_asks_for_fewer_measured_alarms_gets_no_lower_threshold(seen: list[Seen], one: float, other: float) -> None:
    strict, loose = (choose(seen, budget, DEFAULT) for budget in sorted((one, other)))
    if strict.basis is loose.basis is Basis.MEASURED:
        assert strict.threshold >= loose.threshold


def test_a_measured_threshold_lies_just_above_the_maxima_that_it_must_spare() -> None:
    seen = people(995, 1.0) + [Seen(6.0, 7.7 + 0.6 * rank) for rank in range(5)]  # 6000 months
    assert [choose(seen, budget, DEFAULT).rate.accounts for budget in (0.5, 0.8, 1.1)] == [0, 1, 2]
    assert [choose(seen, budget, DEFAULT).threshold for budget in (0.5, 0.8, 1.1)] == [10.2, 9.6, 9.0]


def test_without_suspicious_accounts_the_threshold_is_where_independent_evidence_would_be() -> None:
    assert choose(people(1000, 0.3), 0.5, DEFAULT).threshold == 7.7


def test_nothing_seen_means_the_default_and_promises_nothing() -> None:
    choice = choose([], 0.5, DEFAULT)
    assert (choice.basis, choice.threshold, choice.rate.at_most) == (Basis.DEFAULT, DEFAULT, inf)


def test_too_few_accounts_for_a_tail_mean_the_default() -> None:
    assert choose([Seen(1.0, score / 10.0) for score in range(90)], 0.5, DEFAULT).basis is Basis.DEFAULT
    assert choose([Seen(1.0, score / 10.0) for score in range(100)], 0.5, DEFAULT).basis is Basis.EXTRAPOLATED


def test_accounts_that_were_never_suspicious_are_no_tail() -> None:
    assert choose(people(300, 0.0, 1.0) + people(9, 5.0, 1.0), 0.5, DEFAULT).basis is Basis.DEFAULT


def test_a_continued_tail_is_said_to_be_one_and_does_not_claim_the_budget() -> None:
    seen = [Seen(1.0, 7.0 - np.log(rank / 333).item()) for rank in range(1, 334)]
    choice = choose(seen, 0.5, DEFAULT)
    assert choice.basis is Basis.EXTRAPOLATED
    assert choice.rate.expected == pytest.approx(0.25, rel=0.15)  # ln 2 of the scale halves it
    assert choice.rate.at_most > 0.5
    assert choice.threshold == pytest.approx(7.0 + np.log(1000 / 0.25), abs=0.5)


def test_no_more_accounts_than_the_budget_allows_reach_an_extrapolated_threshold() -> None:
    """Six accounts alike, far above all others, are more than a continued tail would leave there."""
    seen = people(500, 0.5) + [Seen(6.0, 14.0)] * 6
    choice = choose([*seen, *[Seen(6.0, 1.0 + rank / 100.0) for rank in range(60)]], 0.5, DEFAULT)
    assert choice.basis is Basis.EXTRAPOLATED
    assert choice.threshold > 14.0


def test_what_was_measured_bounds_an_extrapolation_too() -> None:
    """Nobody has reached the threshold: that is a bound, however wide the tail may be."""
    seen = people(300, 0.5) + [Seen(6.0, 2.0 + rank / 2.0) for rank in range(33)]
    choice = choose(seen, 0.5, DEFAULT)
    assert choice.basis is Basis.EXTRAPOLATED
    assert choice.rate.accounts == 0
    assert choice.rate.at_most <= bound(0, choice.months)


def test_equal_maxima_have_a_narrow_tail_and_not_none() -> None:
    choice = choose(people(100, 9.0, 1.0), 0.5, DEFAULT)
    assert choice.basis is Basis.EXTRAPOLATED
    assert 9.0 < choice.threshold < 10.5


def test_time_counts_by_months_and_accounts_by_heads() -> None:
    """Twice the accounts for half the time is the same traffic; twice the suspicious accounts is not."""
    long, short = people(50, 1.0, 12.0), people(100, 1.0, 6.0)
    assert rate_at([*long, Seen(6.0, 9.0)], 8.0) == rate_at([*short, Seen(6.0, 9.0)], 8.0)
    assert rate_at([*short, *people(2, 9.0, 3.0)], 8.0).expected == pytest.approx(
        2.0 * rate_at([*short, Seen(6.0, 9.0)], 8.0).expected
    )


def test_the_choice_says_how_much_traffic_a_promise_takes() -> None:
    choice = choose(people(10, 1.0), 0.5, DEFAULT)
    assert (choice.months, choice.months_needed) == (60.0, months_needed(0.5))


# -- asked and realised --


def exponential(rng: np.random.Generator, accounts: int) -> list[Seen]:
    """Messages of an account share what it is like; the best of them alone is not more than half of its maximum."""
    months = rng.uniform(0.2, 11.8, accounts)  # seen for unequal times, the longer the higher
    mail = rng.uniform(size=accounts) ** (1.0 / np.maximum(1.0, 20.0 * months))
    highest = rng.exponential(1.0, accounts) - 0.7 * np.log(1.0 - mail)
    return [Seen(*pair) for pair in zip(months.tolist(), highest.tolist(), strict=True)]


def lognormal(rng: np.random.Generator, accounts: int) -> list[Seen]:
    """A tail that is wider than an exponential one, with the same dependence inside an account."""
    months = rng.uniform(0.2, 11.8, accounts)
    mail = rng.normal(0.0, 0.3, (accounts, 60)) * (rng.uniform(0.0, 12.0, (accounts, 60)) < months[:, None])
    highest = 3.0 * np.exp(rng.normal(0.0, 0.4, accounts) + mail.max(axis=1))
    return [Seen(*pair) for pair in zip(months.tolist(), highest.tolist(), strict=True)]


def bulk_among_people(rng: np.random.Generator, accounts: int) -> list[Seen]:
    """One account in twelve sends in bulk: as suspicious as two capped groups of evidence can be, and never more."""
    months = rng.uniform(0.2, 11.8, accounts)
    people_, bulk = rng.exponential(0.7, accounts), np.minimum(rng.exponential(6.0, (2, accounts)), 8.0).sum(axis=0)
    highest = np.where(rng.uniform(size=accounts) < 1.0 / 12.0, bulk, people_)
    return [Seen(*pair) for pair in zip(months.tolist(), highest.tolist(), strict=True)]


def realised(draw: Draw, budget: float, accounts: int, seeds: int) -> NDArray[Any]:
    """Realised rate by asked rate on fresh accounts, one for each seed. 333 accounts are 2,000 account-months."""
    fresh = draw(np.random.default_rng(1), 100_000)
    months, scores = sum(one.months for one in fresh), np.sort([one.highest for one in fresh])
    chosen = [choose(draw(np.random.default_rng(1000 + seed), accounts), budget, DEFAULT) for seed in range(seeds)]
    alarms = len(scores) - np.searchsorted(scores, [choice.threshold for choice in chosen])
    return 1000.0 * alarms / months / budget


@pytest.mark.parametrize("draw", [exponential, lognormal, bulk_among_people])
@pytest.mark.parametrize("budget", [0.5, 1.0, 8.0])
def test_at_2000_account_months_the_realised_rate_is_at_most_one_and_a_half_of_the_asked(
    draw: Draw, budget: float
) -> None:
    factors = realised(draw, budget, accounts=333, seeds=100)
    assert factors.mean() <= 1.0
    assert (factors > 1.5).mean() <= 0.15


@pytest.mark.parametrize("draw", [exponential, lognormal])
def test_where_the_data_suffice_the_promise_is_kept_19_times_in_20_and_the_knob_is_not_idle(draw: Draw) -> None:
    factors = realised(draw, 8.0, accounts=333, seeds=200)
    assert (factors > 1.0).mean() <= 0.07
    assert factors.mean() >= 0.3


def test_a_few_bulk_senders_do_not_carry_the_threshold_out_of_reach() -> None:
    """Twice 8 nats are the most that they reach; an exponential tail through them would ask for thirty."""
    chosen = [choose(bulk_among_people(np.random.default_rng(seed), 333), 0.5, DEFAULT) for seed in range(30)]
    assert max(choice.threshold for choice in chosen) <= 24.0


def test_one_thief_among_the_honest_raises_the_threshold_which_is_why_he_must_be_left_out() -> None:
    honest = exponential(np.random.default_rng(5), 1100)
    assert choose([*honest, Seen(6.0, 31.0)], 0.5, DEFAULT).threshold > choose(honest, 0.5, DEFAULT).threshold
