"""How texts read: an account is compared with its own, as far as it has shown any, and evidence fades."""

from math import exp, fsum, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.clock import DAY
from detector.traffic.reading import CLASSES, MOST_TEXTS, Reading

NOW = 1e9
surprises = st.floats(min_value=0.0, max_value=20.0)
pasts = st.lists(surprises, max_size=120)


def used_to(*texts: float) -> Reading:
    reading = Reading()
    for surprise in texts:
        reading = reading.learn(surprise)
    return reading


@given(surprises)
def test_an_account_without_texts_is_compared_with_all_accounts(fleet: float) -> None:
    assert Reading().surprise(fleet) == pytest.approx(fleet, abs=1e-6)


@given(pasts, surprises)
def test_no_more_is_made_of_own_texts_than_so_many_can_show(past: list[float], fleet: float) -> None:
    """One in n + 1; where all accounts' mail says more, it may say as much as that."""
    surprise = used_to(*past).surprise(fleet)
    assert 0.0 <= surprise <= max(fleet, log(len(past) + 1.0)) + 1e-6


@given(pasts, surprises, surprises)
def test_what_reads_worse_is_never_less_surprising(past: list[float], one: float, other: float) -> None:
    reading, (better, worse) = used_to(*past), sorted((one, other))
    assert reading.surprise(worse) >= reading.surprise(better) - 1e-9


@given(pasts, surprises)
def test_what_was_learned_is_less_surprising_the_next_time(past: list[float], fleet: float) -> None:
    before = used_to(*past)
    assert before.learn(fleet).surprise(fleet) <= before.surprise(fleet) + 1e-9


@given(pasts, surprises)
def test_as_bad_a_text_is_never_much_rarer_than_it_was_among_the_own_ones(past: list[float], fleet: float) -> None:
    """Twenty texts' weight of all accounts' mail, and no more, stands against the own ones."""
    as_bad = sum(surprise >= fleet for surprise in past)
    if as_bad:
        assert exp(-used_to(*past).surprise(fleet)) >= as_bad / (len(past) + 20.0) - 1e-9


def test_a_newsletter_that_always_reads_like_advertising_is_no_surprise() -> None:
    assert used_to(*[4.0] * 40).surprise(4.0) < 1.0


def test_advertising_of_who_never_sends_any_surprises_as_it_does_elsewhere_or_more() -> None:
    reading = used_to(*[0.1] * 100)
    assert reading.surprise(3.0) > 3.0
    assert reading.surprise(3.0) <= log(101.0)


@given(st.integers(min_value=0, max_value=2000))
def test_of_old_texts_a_bounded_number_is_remembered(number: int) -> None:
    counts = used_to(*[5.0] * number).counts
    assert fsum(counts) <= MOST_TEXTS
    assert len(counts) in (0, CLASSES)


def test_subjects_change() -> None:
    reading = used_to(*[5.0] * 400, *[0.1] * 2000)
    assert reading.surprise(5.0) > 3.0


def test_evidence_fades_by_half_in_a_day_and_a_clock_set_back_adds_none() -> None:
    reading = Reading().weighed(4.0, NOW)
    assert reading.nats_at(NOW) == 4.0
    assert reading.nats_at(NOW + DAY) == 2.0
    assert reading.nats_at(NOW - DAY) == 4.0


def test_texts_that_are_learned_and_evidence_leave_each_other_alone() -> None:
    learned = Reading().weighed(2.0, NOW).learn(1.0)
    assert (learned.nats, learned.at) == (2.0, NOW)
    assert learned.weighed(3.0, NOW + 1).counts == learned.counts
