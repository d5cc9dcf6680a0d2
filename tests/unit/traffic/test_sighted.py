"""Sightings by key, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.campaign import HOUR, Sightings
from detector.traffic.sighted import Sighted

NOW = 1.7e9


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5), st.booleans()), max_size=200))
def test_with_room_it_knows_what_was_noticed(history: list[tuple[int, int, bool]]) -> None:
    sighted, expected = Sighted(1000), dict[int, Sightings]()
    for number, (key, account, suspicious) in enumerate(history):
        at = NOW + number * HOUR
        sighted.notice([key, key + 1], account, suspicious, at)
        for one in (key, key + 1):
            expected[one] = expected.get(one, Sightings()).notice(account, suspicious, at)
    now = NOW + len(history) * HOUR
    for key, sightings in expected.items():
        assert sighted.suspicious_others([key], 99, now) == sightings.suspicious_others(99, now)
    assert len(sighted) == len(expected)


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=300))
def test_it_never_holds_more_keys_than_it_may(most: int, history: list[tuple[int, bool]]) -> None:
    sighted = Sighted(most)
    for key, suspicious in history:
        sighted.notice([key], 1, suspicious, NOW)
        assert len(sighted) <= max(most, 3)


def test_what_changed_is_told() -> None:
    sighted = Sighted()
    assert [key for key, _ in sighted.notice([7, 8], 1, False, NOW)] == [7, 8]
    assert sighted.notice([7, 8], 1, False, NOW + HOUR) == []
    assert sighted.notice([8, 9], 2, True, NOW) == [
        (8, Sightings().notice(1, False, NOW).notice(2, True, NOW)),
        (9, Sightings().notice(2, True, NOW)),
    ]


def test_keys_that_always_come_together_share_one_object() -> None:
    sighted = Sighted()
    for account in range(3):
        changed = sighted.notice(range(20), account, True, NOW)
        assert len({id(sightings) for _, sightings in changed}) == 1


def test_a_key_that_is_used_is_not_forgotten() -> None:
    sighted = Sighted(30)
    for number in range(1000):
        sighted.notice([7, 1000 + number], 1, number == 0, NOW + number)
    assert sighted.suspicious_others([7], 2, NOW) > 0.0


def test_a_suspected_key_outlasts_ordinary_mail_but_not_newer_suspected_ones() -> None:
    sighted = Sighted(30)
    sighted.notice([7], 1, True, NOW)
    for number in range(1000):
        sighted.notice([1000 + number], 2, False, NOW + number)
    assert sighted.suspicious_others([7], 3, NOW + 1000.0) > 0.9
    for number in range(1000):
        sighted.notice([5000 + number], 2, True, NOW + 1000.0 + number)
    assert sighted.suspicious_others([7], 3, NOW + 2000.0) == 0.0
