"""The recipient window: what is in flight, what ripens, and how wide it is."""

from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.window import LOST_AFTER, MOST_BUCKETS, NARROW_FOR, Window, WindowLimits

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
    assert window.size(LIMITS) == 30


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
