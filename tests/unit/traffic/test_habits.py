"""Where an account usually is: after a day a habit, and no crowd drives the owner's networks out."""

import pytest

from detector.traffic.clock import DAY
from detector.traffic.habits import MOST_SEEN, Habits, network_of


def test_a_network_becomes_a_habit_after_a_day() -> None:
    habits = Habits().notice(1, 1e9).notice(1, 1e9 + DAY / 2)
    assert not habits.usual(1, 1e9 + DAY / 2)
    assert habits.usual(1, 1e9 + DAY)


def test_a_thousand_networks_of_a_thief_do_not_drive_out_the_owners() -> None:
    habits = Habits().notice(1, 1e9).notice(2, 1e9)
    for number in range(1000):
        habits = habits.notice(1000 + number, 1e9 + DAY + number)
    assert habits.usual(1, 1e9 + DAY + 1000)
    assert habits.usual(2, 1e9 + DAY + 1000)
    assert len(habits.seen) == MOST_SEEN


def test_strangers_find_room_beside_many_habits() -> None:
    habits = Habits()
    for number in range(20):
        habits = habits.notice(number, 1e9 + number * DAY)
    now = 1e9 + 40 * DAY
    for number in range(4):
        habits = habits.notice(1000 + number, now)
    assert habits.count_within(3600.0, now) == 4


def test_a_network_seen_by_a_clock_that_was_ahead_becomes_a_habit_all_the_same() -> None:
    habits = Habits().notice(1, 2e9).notice(1, 1e9)
    assert habits.count_within(3600.0, 1e9) == 1
    assert habits.usual(1, 1e9 + DAY)


def test_what_came_up_on_a_suspicious_day_can_be_forgotten() -> None:
    habits = Habits().notice(1, 1e9).notice(2, 1e9 + 100)
    assert [seen.key for seen in habits.without_since(1e9 + 50).seen] == [1]


@pytest.mark.parametrize(
    ("one", "other"),
    [("192.0.2.1", "192.0.2.254"), ("2001:db8:1:2::3", "2001:db8:1:ffff::1"), ("::ffff:192.0.2.1", "192.0.2.9")],
)
def test_neighbours_are_in_one_network(one: str, other: str) -> None:
    assert network_of(one) == network_of(other) != ""


@pytest.mark.parametrize("text", ["", "unknown", "[UNAVAILABLE]", "192.0.2", "2001:db8::g", "192.0.2.1/24"])
def test_what_is_no_address_has_no_network(text: str) -> None:
    assert network_of(text) == ""
