"""Days are learned when they end, suspicious ones never, and an operator's pardon leaves what was usual."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.traffic.baseline import Today
from detector.traffic.clock import DAY, day_of
from detector.traffic.features import FEATURES, Tally
from detector.traffic.habits import Habits
from detector.traffic.profile import Profile, forgive, release
from detector.verdict.admit import settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from tests.histories import transaction

TUESDAY = 20_000
BUSY = Today(TUESDAY).add(Stream.PERSONAL, [9.0] * len(FEATURES), Tally(9, 9, 9, 0))


def test_a_day_is_learned_when_the_next_one_begins() -> None:
    profile = Profile(today=BUSY)
    assert profile.on_day(TUESDAY) is profile
    assert profile.on_day(TUESDAY + 1).baseline.means[0] == 9.0


def test_a_suspicious_day_is_not_learned_nor_the_day_after() -> None:
    profile = Profile(today=BUSY, suspicious_day=TUESDAY).on_day(TUESDAY + 1)
    assert profile.baseline.days == (0, 0)
    wednesday = replace(profile, today=replace(BUSY, day=TUESDAY + 1))
    assert wednesday.on_day(TUESDAY + 2).baseline.days == (0, 0)
    thursday = replace(profile, today=replace(BUSY, day=TUESDAY + 2))
    assert thursday.on_day(TUESDAY + 3).baseline.days == (1, 0)


def test_a_network_that_came_up_on_a_suspicious_day_does_not_become_a_habit() -> None:
    networks = Habits().notice(1, (TUESDAY - 3) * DAY).notice(2, TUESDAY * DAY + 60)
    profile = Profile(today=BUSY, suspicious_day=TUESDAY, networks=networks).on_day(TUESDAY + 1)
    assert [seen.key for seen in profile.networks.seen] == [1]


def blasted(policy: Policy) -> tuple[Profile, Profile, float]:
    """An account before and after a hundred messages from a new place, and the time."""
    profile, now = Profile(), TUESDAY * DAY
    for number in range(60):
        now += DAY / 4
        profile, _ = judge(profile, transaction(number), now, policy)
        profile = settle(profile, transaction(number), True, now, policy)
    before = profile
    for number in range(100, 200):
        profile, _ = judge(profile, transaction(number, client="198.51.100.9"), now, policy)
        profile = settle(profile, transaction(number, client="198.51.100.9"), True, now, policy)
    assert judge(profile, transaction(200, client="198.51.100.9"), now, policy)[1].score > 7.0
    assert profile.suspicious_day == day_of(now)
    return before, profile, now


@pytest.mark.parametrize("back", [forgive, release])
def test_an_account_that_comes_back_is_not_judged_by_what_led_to_the_block(
    policy: Policy, back: Callable[[Profile, float], Profile]
) -> None:
    before, profile, now = blasted(policy)
    returned = back(profile, now)
    assert not any(returned.counters.features)
    assert not any(returned.counters.answers)
    assert not any(returned.today.peaks)
    assert returned.suspicious_day == 0
    assert returned.window.refused == 0.0
    assert (returned.run.to_strangers, returned.texts.texts, returned.held_since) == (0, (), 0.0)
    assert returned.reading.nats == 0.0
    assert returned.known == profile.known
    assert returned.baseline == before.baseline
    assert judge(returned, transaction(201), now, policy)[1].score < 1.0


def test_a_dismissal_keeps_what_is_known_of_the_customer(policy: Policy) -> None:
    _, profile, now = blasted(policy)
    returned = forgive(profile, now)
    assert returned.networks == profile.networks
    assert returned.window.size(policy.window) >= profile.window.size(policy.window)


def test_a_release_forgets_the_thiefs_network_and_begins_a_probation(policy: Policy) -> None:
    before, profile, now = blasted(policy)
    returned = release(profile, now)
    assert [seen.key for seen in returned.networks.seen] == [seen.key for seen in before.networks.seen]
    assert returned.window.at(now, policy.window).size(policy.window) == policy.window.least
