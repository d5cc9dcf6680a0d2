"""Where an account usually is: a habit after two days, a home after fourteen; no crowd drives the owner's out."""

import pytest

from detector.traffic.clock import DAY
from detector.traffic.habits import HABIT_AFTER, HOME_AFTER, MOST_SEEN, Habits, network_of


def test_a_network_becomes_a_habit_after_two_days() -> None:
    habits = Habits().notice(1, 1e9).notice(1, 1e9 + DAY)
    assert not habits.usual(1, 1e9 + 2 * DAY - 1)
    assert habits.usual(1, 1e9 + 2 * DAY)


def test_a_habit_becomes_a_home_after_a_fortnight() -> None:
    habits = Habits().notice(1, 1e9).notice(1, 1e9 + 13 * DAY)
    assert not habits.home(1, 1e9 + 14 * DAY - 1)
    assert habits.home(1, 1e9 + 14 * DAY)
    assert not habits.home(2, 1e9 + 14 * DAY)
    assert HABIT_AFTER < HOME_AFTER


def test_in_a_young_account_half_of_its_age_makes_a_home_but_never_less_than_a_habit() -> None:
    habits = Habits().notice(1, 1e9)
    assert habits.home(1, 1e9 + 5 * DAY, age=10 * DAY)
    assert not habits.home(1, 1e9 + 4 * DAY, age=10 * DAY)
    assert not habits.home(1, 1e9 + DAY, age=DAY)
    assert not habits.home(1, 1e9 + 13 * DAY, age=300 * DAY)


def test_a_thousand_networks_of_a_thief_do_not_drive_out_the_owners() -> None:
    habits = Habits().notice(1, 1e9).notice(2, 1e9)
    for number in range(1000):
        habits = habits.notice(1000 + number, 1e9 + HABIT_AFTER + number)
    assert habits.usual(1, 1e9 + HABIT_AFTER + 1000)
    assert habits.usual(2, 1e9 + HABIT_AFTER + 1000)
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
    assert habits.usual(1, 1e9 + HABIT_AFTER)


def test_what_came_up_on_a_suspicious_day_can_be_forgotten() -> None:
    habits = Habits().notice(1, 1e9).notice(2, 1e9 + 100)
    assert [seen.key for seen in habits.without_since(1e9 + 50).seen] == [1]


@pytest.mark.parametrize(
    ("one", "other"),
    [("192.0.2.1", "192.0.2.254"), ("2001:db8:1:2::3", "2001:db8:1:ffff::1"), ("::ffff:192.0.2.1", "192.0.2.9")],
)
def test_neighbours_are_in_one_network(one: str, other: str) -> None:
    assert network_of(one) == network_of(other) != ""


def test_a_zone_is_no_part_of_the_network() -> None:
    assert network_of("fe80::1%eth0") == network_of("fe80::1%25") == network_of("fe80::1") != ""


@pytest.mark.parametrize("text", ["", "unknown", "[UNAVAILABLE]", "192.0.2", "2001:db8::g", "192.0.2.1/24", "%eth0"])
def test_what_is_no_address_has_no_network(text: str) -> None:
    assert network_of(text) == ""
