"""What is usual is learned from days, a bounded number of them, and mixed with the cohort."""

from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.transaction import Stream
from detector.traffic.baseline import MOST_ANSWERS, MOST_DAYS, Baseline, Prior, Today
from detector.traffic.features import FEATURES, FEATURES_OF, Tally

PRIOR = Prior((2.0,) * len(FEATURES), (10.0,) * len(FEATURES), (1.0,) * len(FEATURES), ((2.0, 98.0), (10.0, 40.0)))


def day_with(peak: float, stream: Stream = Stream.PERSONAL) -> Today:
    return Today(1).add(stream, [peak] * len(FEATURES), Tally(1, 1, 1, 0))


@given(st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=1, max_size=MOST_DAYS))
def test_up_to_the_cap_it_is_the_mean_and_the_variance(peaks: list[float]) -> None:
    baseline = Baseline()
    for peak in peaks:
        baseline = baseline.learn(day_with(peak))
    assert baseline.means[0] == pytest.approx(fmean(peaks))
    assert baseline.variances[0] == pytest.approx(pvariance(peaks), abs=1e-6 * max(peaks) ** 2)


def test_an_account_without_days_of_its_own_is_the_cohort() -> None:
    assert Baseline().expect(0, PRIOR) == (2.0, 10.0)


def test_five_days_weigh_as_much_as_the_cohort() -> None:
    baseline = Baseline()
    for _ in range(5):
        baseline = baseline.learn(day_with(8.0))
    assert baseline.expect(0, PRIOR)[0] == 5.0


def test_a_few_even_days_do_not_prove_that_all_days_are_even() -> None:
    baseline = Baseline()
    for _ in range(MOST_DAYS):
        baseline = baseline.learn(day_with(40.0))
    mean, variance = baseline.expect(0, PRIOR)
    assert variance == mean


def test_a_day_without_mail_of_a_stream_teaches_nothing_about_it() -> None:
    baseline = Baseline().learn(day_with(8.0, Stream.AUTOMATIC))
    assert baseline.days == (0, 1)
    assert not any(baseline.means[index] for index in FEATURES_OF[Stream.PERSONAL])


def test_old_days_fade_at_the_cap() -> None:
    baseline = Baseline()
    for peak in [100.0] * 100 + [1.0] * 300:
        baseline = baseline.learn(day_with(peak))
    assert baseline.days[0] == MOST_DAYS
    assert baseline.means[0] < 2.0


def test_a_clean_history_does_not_make_the_first_bad_address_a_crime() -> None:
    baseline = Baseline()
    for _ in range(40):
        baseline = baseline.learn(Today(1).add(Stream.PERSONAL, [1.0] * len(FEATURES), Tally(20, 0, 20, 0)))
    assert baseline.refusal_rate(Stream.PERSONAL, PRIOR) == pytest.approx(0.02)


def test_own_refusals_raise_what_is_usual_and_weigh_no_more_than_a_thousand_recipients() -> None:
    baseline = Baseline()
    for _ in range(100):
        baseline = baseline.learn(Today(1).add(Stream.PERSONAL, [1.0] * len(FEATURES), Tally(100, 0, 100, 10)))
    assert baseline.answers[0] == MOST_ANSWERS
    assert baseline.refusal_rate(Stream.PERSONAL, PRIOR) == pytest.approx((2 + 100) / (100 + 1000))
