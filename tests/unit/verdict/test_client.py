"""Group client: strange networks and reverse-paths weigh, an owner who travels does not weigh much."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.clock import DAY
from detector.traffic.counting import Origin
from detector.traffic.habits import Habits
from detector.traffic.profile import Profile
from detector.verdict.client import UNSEEN_NETWORK, USUAL_NETWORK, weigh_client
from detector.verdict.odds import CAP, FLOOR

NOW = 20_000 * DAY
HOME, OFFICE, ABROAD, OWN, FORGED = 1, 2, 77, 11, 99

moments = st.floats(min_value=0.0, max_value=4e9)
keys = st.integers(min_value=0, max_value=40)
notices = st.lists(st.tuples(keys, moments), max_size=40)


def seen(*notices: tuple[int, float]) -> Habits:
    habits = Habits()
    for key, at in notices:
        habits = habits.notice(key, at)
    return habits


def settled(*more_networks: tuple[int, float]) -> Profile:
    """An account that was at home, and sent as itself, for a month."""
    month = [(day * DAY + NOW - 30 * DAY) for day in range(30)]
    networks = seen(*[(HOME, at) for at in month], *more_networks)
    return Profile(networks=networks, reverse_paths=seen(*[(OWN, at) for at in month]))


def nats(profile: Profile, origin: Origin, now: float = NOW) -> float:
    return weigh_client(profile, origin, now).nats


def test_mail_from_home_speaks_for_the_account_and_from_abroad_against_it() -> None:
    assert nats(settled(), Origin(HOME, OWN)) == USUAL_NETWORK < 0.0
    assert nats(settled((ABROAD, NOW)), Origin(ABROAD, OWN)) == UNSEEN_NETWORK == 1.5


def test_honest_mail_from_elsewhere_now_and_then_does_not_add_up_to_evidence() -> None:
    """Both factors are one e-value as long as one message in twenty comes from an unseen network."""
    assert 0.05 * exp(UNSEEN_NETWORK) + 0.95 * exp(USUAL_NETWORK) == pytest.approx(1.0, abs=0.005)


def test_a_telephone_between_home_and_mobile_network_is_no_botnet() -> None:
    profile = settled((HOME, NOW - 60), (OFFICE, NOW))
    assert nats(profile, Origin(OFFICE, OWN)) == 1.5


def test_each_network_beyond_two_within_the_hour_weighs_as_much_again() -> None:
    for count, expected in [(3, 3.0), (4, 4.5), (5, 6.0), (8, CAP), (12, CAP)]:
        profile = settled(*[(100 + number, NOW - number) for number in range(count)])
        assert nats(profile, Origin(100, OWN)) == min(expected, CAP)


def test_networks_of_more_than_an_hour_ago_are_not_counted() -> None:
    profile = settled(*[(100 + number, NOW - 3600.0) for number in range(8)], (ABROAD, NOW))
    assert nats(profile, Origin(ABROAD, OWN)) == 1.5


def test_the_owner_at_home_is_suspected_too_while_a_botnet_is_at_work() -> None:
    profile = settled(*[(100 + number, NOW - 60.0 + number) for number in range(5)], (HOME, NOW))
    assert nats(profile, Origin(HOME, OWN)) == pytest.approx(USUAL_NETWORK + 4 * 1.5)


def test_a_forged_reverse_path_weighs_a_little_and_the_own_one_nothing() -> None:
    assert nats(settled(), Origin(HOME, FORGED)) == pytest.approx(0.5 + USUAL_NETWORK)
    assert nats(settled(), Origin(0, FORGED)) == 0.5
    assert nats(settled(), Origin(0, OWN)) == 0.0


def test_the_terms_are_factors_of_one_e_value_and_add_up_to_the_score() -> None:
    profile = settled(*[(100 + number, NOW) for number in range(3)])
    score = weigh_client(profile, Origin(100, FORGED), NOW)
    assert [one.signal for one in score.evidence] == ["unseen_network", "networks_1h", "unseen_reverse_path"]
    assert score.nats == sum(one.nats for one in score.evidence) == 3.5


def test_nothing_is_said_of_an_account_without_habits() -> None:
    """On the first day every network is new; that is no offence."""
    for profile in (Profile(), Profile(networks=seen((HOME, NOW)), reverse_paths=seen((OWN, NOW)))):
        score = weigh_client(profile, Origin(ABROAD, FORGED), NOW)
        assert score.nats == 0.0
        assert not score.evidence


def test_nothing_is_said_of_mail_whose_origin_is_not_known() -> None:
    assert nats(settled(), Origin(0, 0)) == 0.0


def test_a_clock_set_back_by_a_year_makes_nobody_a_stranger() -> None:
    """The habits were seen in what is now the future: until a day has passed, nothing is known of the account."""
    networks = seen((HOME, NOW), (HOME, NOW - 365 * DAY))
    assert nats(Profile(networks=settled().networks), Origin(HOME, 0), NOW - 365 * DAY) == 0.0
    assert nats(Profile(networks=networks), Origin(HOME, 0), NOW - 364 * DAY) == USUAL_NETWORK


@given(notices, notices, keys, keys, moments)
def test_whatever_was_seen_the_group_stays_within_floor_and_cap(
    networks: list[tuple[int, float]], paths: list[tuple[int, float]], network: int, path: int, now: float
) -> None:
    profile = Profile(networks=seen(*networks), reverse_paths=seen(*paths))
    score = weigh_client(profile, Origin(network, path), now)
    assert FLOOR <= score.nats <= CAP
    assert score.evidence or score.nats == 0.0


@given(st.integers(min_value=0, max_value=12), st.integers(min_value=0, max_value=12))
def test_more_networks_within_the_hour_never_lower_the_evidence(one: int, other: int) -> None:
    fewer, more = (
        nats(settled(*[(100 + number, NOW) for number in range(count)]), Origin(100, OWN))
        for count in sorted((one, other))
    )
    assert more >= fewer
