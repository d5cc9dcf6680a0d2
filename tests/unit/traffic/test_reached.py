"""The recipients of a day: exact while they are few, within a few percent when they are many, and never large."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.reached import MOST_BYTES, MOST_EXACT, Reached

hashes = st.integers(min_value=0, max_value=2**32 - 1)


def many(count: int, seed: int = 1) -> list[int]:
    return Random(seed).sample(range(2**32), count)


def added(reached: Reached, some: list[int], *, also_before: bool = False, keeps: bool = True) -> float:
    return sum(reached.add(one, also_before, keeps) for one in some)


@given(st.lists(hashes, max_size=300))
def test_whoever_was_added_is_no_other_one_and_the_day_stays_small(some: list[int]) -> None:
    reached = Reached(b"", b"")
    for one in some:
        reached.add(one, also_before=False)
        assert not reached.add(one, also_before=False)
        assert len(reached.today) <= MOST_BYTES
    assert not added(reached, some)


def test_a_hash_across_two_others_is_not_found() -> None:
    reached = Reached(b"", b"")
    assert added(reached, [0x6162, 0x6364, 0x6263]) == 3.0


def test_few_are_counted_exactly_or_one_too_few() -> None:
    """Of 127 hashes of 16 bits two are equal in one of nine days, more in one of 140."""
    errors = [MOST_EXACT - added(Reached(b"", b""), many(MOST_EXACT, seed)) for seed in range(400)]
    assert min(errors) == 0.0
    assert sum(error == 0.0 for error in errors) > 340
    assert sum(error > 1.0 for error in errors) < 10


@pytest.mark.parametrize("number", [MOST_EXACT + 1, 300, 1000, 3000])
def test_many_are_counted_within_a_few_percent(number: int) -> None:
    assert added(Reached(b"", b""), many(number)) == pytest.approx(number, rel=0.08)


@pytest.mark.parametrize("number", [50, 1000])
def test_those_of_the_day_before_are_no_others_where_they_count(number: int) -> None:
    reached = Reached(b"", b"")
    added(reached, many(number))
    for keeps in (True, False):
        tomorrow = Reached(b"", reached.today)
        assert not added(tomorrow, many(number), also_before=True, keeps=keeps)
        assert bool(tomorrow.today) is keeps
    assert added(Reached(b"", reached.today), many(number)) == pytest.approx(number, rel=0.08)


def test_strangers_are_counted_within_a_few_percent_after_a_day_of_many_others() -> None:
    reached = Reached(b"", b"")
    added(reached, many(800))
    tomorrow = Reached(b"", reached.today)
    assert added(tomorrow, many(600, seed=2), also_before=True) == pytest.approx(600, rel=0.08)
