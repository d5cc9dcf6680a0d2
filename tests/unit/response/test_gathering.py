from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from detector.response.gathering import REMEMBERED, Gathering, TellNow, Told, Turn, Wait

NOW = 1000.0


def opened(wait: float = 60.0) -> Gathering:
    """One that has told something long ago, so it is no fresh process any more."""
    gathering = Gathering(wait)
    gathering.arrive("i-0", 1, NOW - 10 * wait)
    return gathering


def test_the_first_event_is_told_at_once_and_the_next_one_waits() -> None:
    gathering = opened()
    assert gathering.arrive("i-1", 10, NOW) == TellNow()
    assert gathering.arrive("i-2", 11, NOW + 20.0) == Wait(40.0)
    assert isinstance(gathering.arrive("i-3", 12, NOW + 21.0), Told)
    assert gathering.collect(NOW + 60.0) == 11


def test_what_comes_later_but_was_written_earlier_is_not_left_out() -> None:
    gathering = opened()
    gathering.arrive("i-1", 10, NOW)
    gathering.arrive("i-3", 12, NOW)
    gathering.arrive("i-2", 11, NOW)
    assert gathering.collect(NOW + 60.0) == 11


def test_the_incident_that_came_first_goes_on_being_told_at_once() -> None:
    gathering = opened()
    gathering.arrive("i-1", 10, NOW)
    gathering.arrive("i-2", 11, NOW)
    assert gathering.arrive("i-1", 12, NOW + 1.0) == TellNow()


def test_a_burst_that_goes_on_is_one_summary_after_another() -> None:
    gathering = opened()
    gathering.arrive("i-1", 10, NOW)
    gathering.arrive("i-2", 11, NOW + 1.0)
    gathering.collect(NOW + 60.0)
    assert gathering.arrive("i-3", 12, NOW + 61.0) == Wait(59.0)
    gathering.collect(NOW + 120.0)
    assert gathering.arrive("i-4", 13, NOW + 181.0) == TellNow()


def test_what_a_summary_has_told_is_not_told_again() -> None:
    gathering = opened()
    gathering.arrive("i-1", 10, NOW)
    gathering.arrive("i-2", 11, NOW)
    gathering.collect(NOW + 60.0)
    gathering.told_all(11, 20)
    assert isinstance(gathering.arrive("i-3", 20, NOW + 61.0), Told)
    assert isinstance(gathering.arrive("i-3", 10, NOW + 61.0), Wait)
    assert isinstance(gathering.arrive("i-3", 21, NOW + 61.0), Told)
    assert gathering.collect(NOW + 120.0) == 10


def test_summaries_that_follow_each_other_are_one_range() -> None:
    gathering = opened()
    gathering.arrive("i-1", 5, NOW)
    for first, last in ((11, 20), (21, 30), (15, 40)):
        gathering.told_all(first, last)
    assert isinstance(gathering.arrive("i-2", 12, NOW), Told)
    gathering.told_all(50, 60)
    assert not isinstance(gathering.arrive("i-2", 45, NOW), Told)


def test_a_new_process_looks_back_because_another_may_have_died_waiting() -> None:
    assert Gathering(60.0).arrive("i-1", 10, NOW) == TellNow(looks_back=True)


def test_what_was_told_is_remembered() -> None:
    gathering = opened()
    gathering.arrive("i-1", 10, NOW)
    gathering.told("i-1", 10)
    assert gathering.is_told("i-1", 10)
    assert not gathering.is_told("i-1", 11)
    assert not gathering.is_told("i-2", 10)
    gathering.told_all(20, 30)
    assert gathering.is_told("i-2", 25)


def test_what_is_remembered_has_its_bounds() -> None:
    gathering = opened()
    for number in range(REMEMBERED + 1):
        gathering.told(f"i-{number}", 10)
    gathering.arrive("j-1", 90, NOW)
    assert not gathering.is_told("i-1", 10)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 200)), min_size=1, max_size=30))
def test_every_event_is_told_at_once_or_gathered_and_somebody_waits_for_it(arrivals: list[tuple[int, int]]) -> None:
    gathering = opened()
    entries = count(10)
    now, ends = NOW, 0.0
    gathered: list[int] = []
    for incident, pause in arrivals:
        now += pause
        if gathered and now >= ends:
            assert gathering.collect(ends) == min(gathered)
            gathered = []
        entry = next(entries)
        turn: Turn = gathering.arrive(f"i-{incident}", entry, now)
        if isinstance(turn, Wait):
            assert not gathered
            ends = now + turn.seconds
        if not isinstance(turn, TellNow):
            gathered.append(entry)
        assert not gathered or ends > now - 60.0
