"""What is usual is learned from days, a bounded number of them, and mixed with the cohort."""

from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.transaction import Stream
from detector.traffic.baseline import (
    MOST_ANSWERS,
    MOST_BAD,
    MOST_DAYS,
    MOST_MESSAGES,
    PEOPLE,
    Baseline,
    Prior,
    Strangers,
    Today,
)
from detector.traffic.features import ANSWERS_OF, FEATURES, FEATURES_OF, Tally

REFUSALS, OBJECTIONS = ((2.0, 98.0), (10.0, 40.0)), ((1.0, 399.0), (5.0, 95.0))
ALL = len(FEATURES)
PRIOR = Prior((2.0,) * ALL, (10.0,) * ALL, (1.0,) * ALL, REFUSALS, OBJECTIONS)
REFUSED, UNWANTED = ANSWERS_OF[Stream.PERSONAL][1:]


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
    assert baseline.bad_rate(REFUSED, Stream.PERSONAL, REFUSALS[0]) == pytest.approx(0.02)


def test_own_refusals_raise_what_is_usual_and_weigh_no_more_than_a_thousand_recipients() -> None:
    baseline = Baseline()
    for _ in range(100):
        baseline = baseline.learn(Today(1).add(Stream.PERSONAL, [1.0] * len(FEATURES), Tally(100, 0, 100, 10)))
    assert baseline.answers[0] == MOST_ANSWERS
    assert baseline.bad_rate(REFUSED, Stream.PERSONAL, REFUSALS[0]) == pytest.approx((2 + 100) / (100 + 1000))


def test_refusals_and_unwanted_mail_are_learned_apart() -> None:
    baseline = Baseline().learn(Today(1).add(Stream.PERSONAL, [1.0] * ALL, Tally(answered=100, unwanted=20)))
    assert baseline.bad_rate(REFUSED, Stream.PERSONAL, REFUSALS[0]) == pytest.approx(0.02)
    assert baseline.bad_rate(UNWANTED, Stream.PERSONAL, OBJECTIONS[0]) == pytest.approx(21 / 500)


def test_a_list_of_which_half_is_bad_is_never_usual() -> None:
    baseline = Baseline().learn(Today(1).add(Stream.PERSONAL, [1.0] * ALL, Tally(answered=1000, refused=1000)))
    assert baseline.bad_rate(REFUSED, Stream.PERSONAL, REFUSALS[0]) == MOST_BAD


def test_results_of_earlier_mail_are_answers_of_the_day_and_raise_no_peak() -> None:
    today = day_with(8.0)
    later = today.answer(Stream.PERSONAL, Tally(unwanted=2))
    assert later.peaks == today.peaks
    assert later.answers[UNWANTED] == today.answers[UNWANTED] + 2


def written_to(messages: int, strangers: int, times: int = 1) -> Baseline:
    """Days on which so many messages went to nobody that the account knew."""
    baseline = Baseline()
    for _ in range(times):
        baseline = baseline.learn(Today(1, messages=messages, to_strangers=strangers))
    return baseline


def test_everybodys_first_messages_go_to_strangers() -> None:
    assert Baseline().stranger_rate() == pytest.approx(0.9)


@given(st.integers(min_value=0, max_value=300), st.integers(min_value=0, max_value=300), st.integers(1, 20))
def test_the_rate_of_strangers_is_a_rate_and_more_strangers_never_lower_it(
    messages: int, strangers: int, times: int
) -> None:
    strangers = min(strangers, messages)
    rate = written_to(messages, strangers, times).stranger_rate()
    assert 0.1 <= rate < 1.0
    assert rate <= written_to(messages, messages, times).stranger_rate() < 1.0


def test_damaged_numbers_make_no_rate_of_strangers_that_nothing_surprises() -> None:
    damaged = Baseline(messages=2, to_strangers=5)
    assert 0.0 < damaged.stranger_rate() < 1.0


def test_who_seldom_writes_to_strangers_and_who_always_does_are_told_apart() -> None:
    assert written_to(10, 0, 30).stranger_rate() < 0.15
    assert written_to(10, 10, 30).stranger_rate() > 0.9


def test_who_is_not_a_person_may_write_to_strangers_only() -> None:
    """After weeks of letters to friends: a cohort's least share counts, its weights count at the beginning."""
    program = Strangers(19.0, 1.0, 0.9)
    assert Baseline().stranger_rate(program) == pytest.approx(0.95)
    assert written_to(10, 0, 30).stranger_rate(program) == pytest.approx(0.9)
    assert written_to(10, 10, 30).stranger_rate(program) > 0.95
    assert Baseline().stranger_rate(PEOPLE) == Baseline().stranger_rate()


def test_of_messages_a_bounded_number_is_remembered() -> None:
    baseline = written_to(100, 100, 50)
    assert baseline.messages <= MOST_MESSAGES
    for _ in range(20):
        baseline = baseline.learn(Today(1, messages=100))
    assert baseline.stranger_rate() < 0.15  # new circles, and old ones
