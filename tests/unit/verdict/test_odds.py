"""Weights of evidence: bounded where they must be, right where the answer is known, never a floating-point error."""

from math import comb, exp, inf, isfinite, lgamma, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.verdict.odds import (
    LEAST,
    Alternative,
    averaged,
    bad_list,
    bounded,
    calibrated,
    too_many,
    with_rare_excuse,
)

ANY_LIST = Alternative(1.0, 3.0, 50.0)
alternatives = st.builds(
    Alternative, *[st.floats(min_value=0.5, max_value=50.0)] * 2, st.floats(min_value=20.0, max_value=1000.0)
)
surprises = st.floats(min_value=0.0, max_value=1e7)


@given(surprises, surprises)
def test_the_more_surprising_the_heavier(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert calibrated(low) <= calibrated(high) + 1e-9
    assert calibrated(low) >= LEAST - 1e-9


def test_the_calibrator_is_an_e_value() -> None:
    # Its integral over p in (0, 1] must be 1; the part below exp(-40) holds 1/40 of it.
    steps = 200_000
    integral = sum(exp(calibrated(-log((number + 0.5) / steps))) for number in range(steps)) / steps
    assert 0.8 < integral <= 1.0


def test_known_values_of_the_calibrator() -> None:
    assert exp(calibrated(-log(1e-3))) == pytest.approx(20.8, abs=0.2)
    assert exp(calibrated(-log(1e-6))) == pytest.approx(5239, rel=0.01)


@given(
    st.floats(min_value=0.0, max_value=1e6),
    st.floats(min_value=0.01, max_value=1e4),
    st.floats(min_value=0, max_value=1e6),
)
def test_counts_are_never_worse_than_finite(value: float, mean: float, variance: float) -> None:
    surprise = too_many(value, mean, variance)
    assert isfinite(surprise)
    assert surprise >= 0.0
    assert value > mean or surprise == 0.0


@given(
    st.integers(min_value=1, max_value=60),
    st.floats(min_value=0.2, max_value=10),
    st.floats(min_value=1.05, max_value=8),
)
def test_the_bound_is_never_below_the_tail_of_the_negative_binomial(value: int, mean: float, dispersion: float) -> None:
    shape = mean / (dispersion - 1.0)
    share = shape / (shape + mean)
    below = sum(
        exp(lgamma(k + shape) - lgamma(shape) - lgamma(k + 1) + shape * log(share) + k * log(1 - share))
        for k in range(value)
    )
    assert exp(-too_many(value, mean, dispersion * mean)) >= 1.0 - below - 1e-9


def test_a_usual_count_says_nothing() -> None:
    assert too_many(3.0, 3.0, 9.0) == 0.0


@pytest.mark.parametrize("usual", [0.0025, 0.02, 0.2])
@pytest.mark.parametrize("alternative", [ANY_LIST, Alternative(1.0, 19.0, 500.0), Alternative(2.0, 8.0, 50.0)])
def test_a_bad_list_is_an_e_value_under_the_usual_share(usual: float, alternative: Alternative) -> None:
    answered = 12
    mean = sum(
        comb(answered, refused)
        * usual**refused
        * (1 - usual) ** (answered - refused)
        * exp(bad_list(refused, answered, usual, alternative))
        for refused in range(answered + 1)
    )
    assert mean <= 1.0 + 1e-9


@given(
    st.floats(min_value=0, max_value=1e6),
    st.floats(min_value=0, max_value=1),
    st.floats(min_value=0.001, max_value=0.5),
    alternatives,
)
def test_shares_are_never_worse_than_finite(
    answered: float, share: float, usual: float, alternative: Alternative
) -> None:
    assert isfinite(bad_list(share * answered, answered, usual, alternative))


@given(st.floats(min_value=0, max_value=1e6), st.floats(min_value=0.001, max_value=0.5), alternatives)
def test_a_list_that_is_better_than_usual_is_no_offence(
    answered: float, usual: float, alternative: Alternative
) -> None:
    assert bad_list(0.5 * usual * answered, answered, usual, alternative) <= 0.0


@given(st.integers(min_value=1, max_value=500), st.data(), st.floats(min_value=0.001, max_value=0.5), alternatives)
def test_more_bad_ones_of_the_same_list_never_weigh_less(
    answered: int, data: st.DataObject, usual: float, alternative: Alternative
) -> None:
    fewer = data.draw(st.integers(min_value=0, max_value=answered))
    more = data.draw(st.integers(min_value=fewer, max_value=answered))
    light, heavy = (bad_list(bad, answered, usual, alternative) for bad in (fewer, more))
    assert heavy >= light - 1e-6


def test_the_more_alike_the_hosts_that_answer_the_less_more_of_them_tell() -> None:
    alike, apart = (bad_list(10, 200, 0.0025, Alternative(1.0, 19.0, independent)) for independent in (20.0, 500.0))
    assert 0.0 < alike < apart


def test_a_quarter_of_twenty_is_a_bad_list_and_a_grown_list_is_not() -> None:
    assert bad_list(5, 20, 0.02, ANY_LIST) > 3.5
    assert bad_list(18, 600, 0.02, ANY_LIST) < 0.0


@given(st.lists(st.floats(min_value=-1, max_value=1e6), min_size=1, max_size=8))
def test_the_mean_lies_between_the_members(nats: list[float]) -> None:
    assert min(nats) - 1e-6 <= averaged(nats) <= max(nats) + 1e-6


def test_no_group_convicts_alone_and_none_acquits() -> None:
    assert bounded(inf) == 8.0
    assert bounded(-inf) == -0.7


@given(st.floats(-50.0, 500.0), st.floats(min_value=0.01, max_value=0.5))
def test_a_rare_excuse_leaves_no_more_than_its_rarity_tells(nats: float, share: float) -> None:
    after = with_rare_excuse(nats, share)
    assert after <= -log(share) + 1e-9
    assert min(nats, 0.0) - 1e-9 <= after <= nats - log(1.0 - share) + 1e-9


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("answered", [1, 12, 100])
def test_a_rare_excuse_leaves_an_e_value_where_some_honest_lists_are_as_bad_as_stolen_ones(
    answered: int, share: float
) -> None:
    usual, each_counts = 0.02, Alternative(1.0, 3.0, 1e12)
    mean = 0.0
    for bad in range(answered + 1):
        good = answered - bad
        plain = comb(answered, bad) * usual**bad * (1 - usual) ** good
        beta = exp(lgamma(1.0 + bad) + lgamma(3.0 + good) - lgamma(4.0 + answered))
        stolen = comb(answered, bad) * beta * 3.0  # 1 / B(1, 3)
        nats = with_rare_excuse(bad_list(bad, answered, usual, each_counts), share)
        mean += ((1.0 - share) * plain + share * stolen) * exp(nats)
    assert mean <= 1.0 + 1e-6
