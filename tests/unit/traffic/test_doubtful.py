"""What convicts nobody: a few reports, and all that is only for now."""

from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.clock import DAY
from detector.traffic.doubtful import FEW_REPORTERS, Doubtful

counts = st.floats(min_value=0.0, max_value=1e6)
times = st.floats(min_value=0.0, max_value=4e9)


def test_a_few_reports_convict_nobody_and_many_do() -> None:
    assert Doubtful().add(1e9, refused=2.0, unwanted=3.0).but_for(1e9) == (2.0, 3.0)
    assert Doubtful().add(1e9, refused=200.0).but_for(1e9) == (FEW_REPORTERS, 0.0)


def test_what_is_only_for_now_convicts_nobody_however_much_it_is() -> None:
    assert Doubtful().add(1e9, unwanted=9.0, slowed=40.0).but_for(1e9) == (0.0, FEW_REPORTERS + 40.0)


def test_half_is_forgotten_in_a_day_as_the_counters_do() -> None:
    assert Doubtful().add(1e9, 2.0, 4.0, 1.0).at(1e9 + DAY) == Doubtful(1e9 + DAY, 1.0, 2.0, 0.5)


@given(st.lists(st.tuples(times, counts, counts, counts), max_size=8))
def test_of_what_was_added_never_more_is_left(history: list[tuple[float, float, float, float]]) -> None:
    doubtful = Doubtful()
    for now, refused, unwanted, slowed in history:
        doubtful = doubtful.add(now, refused, unwanted, slowed)
    bad, not_wanted = doubtful.but_for(0.0)
    assert 0.0 <= bad <= FEW_REPORTERS
    assert 0.0 <= not_wanted <= FEW_REPORTERS + sum(one[3] for one in history) + 1e-6
