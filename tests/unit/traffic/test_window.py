"""The recipient window: what is in flight, what ripens, and how wide it is."""

from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.window import (
    CLEAN_CREDIT,
    LOST_AFTER,
    MOST_BUCKETS,
    NARROW_FOR,
    PROBATION,
    Window,
    WindowLimits,
)

LIMITS = WindowLimits()
MANY_DOMAINS = 0b11111
NOW = 1e9


def delivered(count: int, domains: int = MANY_DOMAINS) -> Window:
    window = Window().at(NOW, LIMITS)
    for _ in range(count):
        window = window.reserve()
    return window.give_back(count).deliver(count, domains, LIMITS)


def test_delivered_recipients_ripen_and_widen_the_window() -> None:
    window = delivered(20)
    assert window.in_flight == 20
    window = window.at(NOW + 1.2 * LIMITS.clean_after, LIMITS)
    assert window.in_flight == 0
    assert window.size(LIMITS) == LIMITS.start + CLEAN_CREDIT * 20


def test_nothing_ripens_early() -> None:
    assert delivered(20).at(NOW + LIMITS.clean_after - 1, LIMITS).in_flight == 20


def test_mailboxes_at_few_domains_do_not_widen_the_window() -> None:
    window = delivered(20, domains=0b1111).at(NOW + 1.2 * LIMITS.clean_after, LIMITS)
    assert window.in_flight == 0
    assert window.size(LIMITS) == 20


def test_refused_recipients_shrink_it_to_its_least() -> None:
    assert Window().refuse(1).size(LIMITS) == 10
    assert Window().refuse(50).size(LIMITS) == LIMITS.least


def test_the_few_bad_addresses_of_any_list_do_not_shrink_it() -> None:
    window = delivered(95).refuse(5).at(NOW + 1.2 * LIMITS.clean_after, LIMITS)
    assert window.size(LIMITS) > LIMITS.start + 40


def test_it_never_grows_beyond_its_most() -> None:
    assert delivered(5000).at(NOW + 1.2 * LIMITS.clean_after, LIMITS).size(LIMITS) == LIMITS.most


def test_a_clean_result_widens_the_window_before_the_time_is_over() -> None:
    window = delivered(20).learn(delivered=True)
    assert window.in_flight == 19
    assert window.size(LIMITS) == LIMITS.start + CLEAN_CREDIT


def test_a_recipient_told_clean_does_not_ripen_too() -> None:
    window = delivered(20)
    for _ in range(20):
        window = window.learn(delivered=True)
    window = window.at(NOW + 1.2 * LIMITS.clean_after, LIMITS)
    assert window.in_flight == 0
    assert 19.0 < window.clean <= 20.0


def test_clean_results_from_few_domains_only_free_their_places() -> None:
    window = delivered(20, domains=0b1111).learn(delivered=True)
    assert window.in_flight == 19
    assert window.size(LIMITS) == LIMITS.start


def test_a_bad_result_frees_its_place_and_shrinks_the_window() -> None:
    window = delivered(20).learn(delivered=False)
    assert window.in_flight == 19
    assert window.size(LIMITS) < LIMITS.start


def test_a_bad_result_that_comes_late_shrinks_the_window_and_a_good_one_changes_nothing() -> None:
    window = Window().at(NOW, LIMITS)
    assert window.learn(delivered=True) is window
    assert window.learn(delivered=False).refused == 1.0


@given(st.lists(st.booleans(), max_size=60))
def test_results_free_no_more_places_than_were_taken(results: list[bool]) -> None:
    window = delivered(20)
    for good in results:
        window = window.learn(good)
    assert window.in_flight == max(0, 20 - len(results))
    assert window.clean <= sum(results)
    assert window.refused == len(results) - sum(results)


def test_doubts_narrow_it_for_an_hour() -> None:
    window = delivered(20).at(NOW + 700, LIMITS).narrow(NOW + 700)
    assert window.size(LIMITS) == LIMITS.least
    assert window.at(NOW + 700 + NARROW_FOR, LIMITS).size(LIMITS) > LIMITS.start


def test_a_place_whose_transaction_never_ended_is_free_again() -> None:
    window = Window().at(NOW, LIMITS).reserve()
    assert window.at(NOW + 1.2 * LOST_AFTER, LIMITS).in_flight == 0


def test_more_is_never_given_back_than_was_taken() -> None:
    assert Window().at(NOW, LIMITS).reserve().give_back(7).in_flight == 0


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=4e9), st.integers(min_value=1, max_value=500)), max_size=60))
def test_no_clock_lets_the_buckets_grow_or_anything_ripen_that_was_not_delivered(
    steps: list[tuple[float, int]],
) -> None:
    window, total = Window(), 0
    for now, count in steps:
        window = window.at(now, LIMITS).reserve().give_back(1).deliver(count, MANY_DOMAINS, LIMITS)
        total += count
        assert len(window.ripening) <= MOST_BUCKETS
        assert window.in_flight <= total
        assert window.clean <= total


def test_on_probation_it_begins_at_its_least_and_grows_by_a_place_for_each_clean_recipient() -> None:
    window = delivered(20).at(NOW + 1.2 * LIMITS.clean_after, LIMITS).on_probation(NOW + 1000).at(NOW + 1000, LIMITS)
    assert window.size(LIMITS) == LIMITS.least
    for _ in range(4):
        window = window.reserve()
    window = window.give_back(4).deliver(4, MANY_DOMAINS, LIMITS)
    assert window.at(NOW + 1000 + 1.2 * LIMITS.clean_after, LIMITS).size(LIMITS) == LIMITS.least + 4


def test_the_probation_ends() -> None:
    window = Window().at(NOW, LIMITS).on_probation(NOW)
    assert window.at(NOW + PROBATION - 1, LIMITS).size(LIMITS) == LIMITS.least
    assert window.at(NOW + PROBATION + 1, LIMITS).size(LIMITS) == LIMITS.start


def test_a_probation_that_was_begun_by_a_clock_that_ran_ahead_does_not_last_for_ever() -> None:
    assert Window().at(NOW, LIMITS).on_probation(NOW + 10 * PROBATION).at(NOW, LIMITS).size(LIMITS) == LIMITS.start
