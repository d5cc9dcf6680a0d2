"""Counters forget, never more than time allows, and never gain anything by forgetting."""

from hypothesis import given
from hypothesis import strategies as st

from detector.mail.transaction import Stream
from detector.traffic.clock import latest
from detector.traffic.counters import Counters, decayed
from detector.traffic.features import ANSWERS, FEATURES, LEVELS, Measure, Tally

times = st.floats(min_value=0.0, max_value=4e9)
tallies = st.builds(Tally, *[st.integers(min_value=0, max_value=1000)] * len(Measure))


@given(st.floats(min_value=0.0, max_value=1e9), st.lists(st.floats(min_value=0.0, max_value=1e9), min_size=2))
def test_forgetting_is_monotone(value: float, elapsed: list[float]) -> None:
    left = [decayed(value, 600.0, one) for one in sorted(elapsed)]
    assert left == sorted(left, reverse=True)
    assert left[0] <= value


@given(st.lists(st.tuples(times, tallies), max_size=20), times)
def test_no_clock_makes_mail_out_of_nothing(events: list[tuple[float, Tally]], now: float) -> None:
    counters = Counters()
    for time, tally in events:
        counters = counters.add(Stream.PERSONAL, tally, time)
    after = counters.at(now)
    assert all(0.0 <= new <= old for new, old in zip(after.features, counters.features, strict=True))
    assert counters.features[0] <= sum(tally.recipients for _, tally in events)


def test_a_counter_is_halved_in_its_half_life() -> None:
    counters = Counters().add(Stream.PERSONAL, Tally(recipients=8, first_time=4), now=1e9)
    for index, feature in enumerate(FEATURES):
        before = counters.features[index]
        assert counters.at(1e9 + feature.half_life).features[index] == before / 2


def test_streams_are_counted_apart() -> None:
    counters = Counters().add(Stream.AUTOMATIC, Tally(*[8] * len(Measure)), now=1e9)
    for counter, value in zip((*ANSWERS, *FEATURES), (*counters.answers, *counters.features), strict=True):
        assert value == (8.0 if counter.stream is Stream.AUTOMATIC else 0.0)


def test_a_level_is_replaced_by_the_next_one_and_a_count_grows() -> None:
    tally = Tally(*[8] * len(Measure))
    counters = Counters().add(Stream.PERSONAL, tally, now=1e9).add(Stream.PERSONAL, tally, now=1e9)
    for feature, value in zip(FEATURES, counters.features, strict=True):
        if feature.stream is Stream.PERSONAL:
            assert value == (8.0 if feature.measure in LEVELS else 16.0)


def test_a_level_of_which_nothing_is_said_fades_and_stays() -> None:
    counters = Counters().add(Stream.PERSONAL, Tally(domains=8.0), now=1e9)
    index = next(place for place, feature in enumerate(FEATURES) if feature.measure is Measure.DOMAINS)
    assert counters.add(Stream.PERSONAL, Tally(recipients=1), now=1e9 + 86400.0).features[index] == 4.0


def test_a_clock_that_was_a_day_ahead_is_not_waited_for() -> None:
    assert latest(2e9, 1e9) == 1e9


def test_hosts_that_disagree_by_seconds_do_not_age_anything_twice() -> None:
    assert latest(1e9, 1e9 - 5) == 1e9
