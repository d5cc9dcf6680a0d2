"""Where a tail goes on beyond all that was seen, and where it ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.verdict.tail import LEAST, Tail, fit

SCORES = st.lists(st.floats(-0.7, 100.0), min_size=100, max_size=300)
MONTHS = 1000.0


def fitted(scores: list[float]) -> Tail:
    tail = fit(scores, MONTHS)
    assert tail is not None
    return tail


def exponential(number: int, scale: float = 1.0) -> list[float]:
    """As regular as an exponential sample can be."""
    return [-scale * np.log((rank + 0.5) / number).item() for rank in range(number)]


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_an_exponential_tail_is_found_with_its_scale(scale: float) -> None:
    tail = fitted(exponential(2000, scale))
    assert (tail.accounts, tail.shortness) == (200, 0.0)
    assert tail.scale == pytest.approx(scale, rel=0.02)
    assert tail.start == pytest.approx(scale * np.log(10.0), rel=0.02)
    assert scale < tail.widest < 1.25 * scale


def test_each_scale_further_out_there_are_e_times_fewer_accounts() -> None:
    tail = fitted(exponential(2000))
    far = tail.highest + 1.0
    assert tail.rate(far) / tail.rate(far + tail.scale) == pytest.approx(np.e)
    assert tail.bound(far) / tail.bound(far + tail.widest) == pytest.approx(np.e)


def test_a_tail_that_ends_is_not_continued_far_beyond_its_end() -> None:
    even = [12.0 * rank / 60 for rank in range(60)] + [0.0] * 540
    tail = fitted(even)
    assert tail.shortness > 0.5
    assert 11.8 < tail.threshold(0.01) < 17.0
    assert tail.rate(20.0) < 0.001


def test_few_accounts_that_are_unlike_the_others_are_continued_from_the_highest_of_them() -> None:
    scores = [0.5 + rank / 1000.0 for rank in range(285)] + [14.0] * 15
    tail = fitted(scores)
    assert tail.shortness == 0.0
    assert tail.threshold(0.5) == pytest.approx(14.0 + np.log(2.0) * tail.scale)
    assert tail.rate(tail.threshold(0.5)) == pytest.approx(0.5)


@given(scores=SCORES, rate=st.floats(0.01, 50.0))
def test_a_rarer_alarm_has_no_lower_threshold_and_the_rate_at_it_is_the_one_asked_for(
    scores: list[float], rate: float
) -> None:
    tail = fit(scores, MONTHS)
    if tail is None or rate >= tail.accounts:
        return
    threshold = tail.threshold(rate)
    assert tail.threshold(rate / 2.0) >= threshold
    assert tail.start <= threshold
    assert tail.rate(threshold) == pytest.approx(rate, rel=1e-6) or threshold <= tail.highest
    assert tail.rate(threshold) <= rate * (1.0 + 1e-6)


@given(scores=SCORES)
def test_the_bound_of_a_tail_is_above_what_it_expects(scores: list[float]) -> None:
    tail = fit(scores, MONTHS)
    if tail is not None:
        assert all(tail.bound(tail.start + beyond) > tail.rate(tail.start + beyond) for beyond in (0.0, 1.0, 20.0))


def test_too_few_accounts_that_were_ever_suspicious_have_no_tail() -> None:
    assert fit([0.0] * 1000 + [5.0] * (LEAST - 1), MONTHS) is None
    assert fit([0.0] * 1000 + [5.0] * LEAST, MONTHS) is not None
    assert fit([], 0.0) is None


def test_equal_scores_are_continued_by_little() -> None:
    tail = fitted([9.0] * 100)
    assert 9.0 <= tail.threshold(0.25) < 10.0
