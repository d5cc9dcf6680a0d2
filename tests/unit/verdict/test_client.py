"""Group client: strange networks and reverse-paths weigh, an owner who travels does not weigh much."""

from math import exp, fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.baseline import MOST_DAYS, Baseline
from detector.traffic.clock import DAY
from detector.traffic.counting import Origin
from detector.traffic.habits import HABIT_AFTER, Habits
from detector.traffic.profile import Profile
from detector.verdict.client import THIEF, _honest, _weigh_origin, weigh_client
from detector.verdict.odds import CAP, FLOOR

NOW = 20_000 * DAY
HOME, OFFICE, ABROAD, OWN, FORGED, TELEPHONE, ROBOT = 1, 2, 77, 11, 99, 21, 66

moments = st.floats(min_value=0.0, max_value=4e9)
keys = st.integers(min_value=0, max_value=40)
notices = st.lists(st.tuples(keys, moments), max_size=40)


def seen(*notices: tuple[int, float]) -> Habits:
    habits = Habits()
    for key, at in notices:
        habits = habits.notice(key, at)
    return habits


def settled(*more_networks: tuple[int, float], days: int = 30) -> Profile:
    """An account that was at home, and sent as itself, for a month, on so many days of it."""
    month = [(day * DAY + NOW - 30 * DAY) for day in range(30)]
    networks = seen(*[(HOME, at) for at in month], *more_networks)
    return Profile(
        networks=networks,
        reverse_paths=seen(*[(OWN, at) for at in month]),
        programs=seen(*[(TELEPHONE, at) for at in month]),
        baseline=Baseline(days=(days, 0)),
    )


def nats(profile: Profile, origin: Origin, now: float = NOW) -> float:
    return weigh_client(profile, origin, now).nats


@given(st.integers(min_value=0, max_value=MOST_DAYS), st.sets(st.sampled_from(["network", "program"]), min_size=1))
def test_what_is_seen_of_the_client_is_an_e_value_on_honest_days(days: int, known: set[str]) -> None:
    """Whatever part of it is known: the mean over all that an honest day may bring is at most 1."""
    honest = _honest(days)
    assert fsum(honest.values()) <= 1.0 + 1e-9
    profile = settled(days=days)
    mean = 0.0
    for (new_network, new_program), chance in honest.items():
        network = (ABROAD if new_network else HOME) if "network" in known else 0
        program = (ROBOT if new_program else TELEPHONE) if "program" in known else 0
        mean += chance * exp(fsum(one.nats for one in _weigh_origin(profile, Origin(network, OWN, program), NOW)))
    assert mean <= 1.0 + 1e-9


def test_a_thief_has_some_client_and_each_honest_day_too() -> None:
    assert fsum(THIEF.values()) == pytest.approx(1.0)
    assert fsum(_honest(0).values()) == pytest.approx(1.0)


def test_mail_from_home_speaks_for_the_account_and_from_abroad_against_it() -> None:
    assert nats(settled(), Origin(HOME, OWN, TELEPHONE)) < 0.0
    assert nats(settled(), Origin(ABROAD, OWN, TELEPHONE)) > 0.0
    assert nats(settled(), Origin(HOME, OWN, ROBOT)) > 0.0


def test_a_new_network_with_a_new_program_says_more_than_either_alone() -> None:
    both, network, program = (
        nats(settled(), Origin(*origin)) for origin in ((ABROAD, OWN, ROBOT), (ABROAD, OWN, 0), (0, OWN, ROBOT))
    )
    assert both > max(network, program)
    assert both > nats(settled(), Origin(ABROAD, OWN, TELEPHONE))


def test_the_signal_says_what_is_new() -> None:
    for origin, signal in [
        (Origin(ABROAD, OWN, ROBOT), "unseen_client"),
        (Origin(ABROAD, OWN, TELEPHONE), "unseen_network"),
        (Origin(ABROAD, OWN), "unseen_network"),
        (Origin(HOME, OWN, ROBOT), "unseen_program"),
        (Origin(0, OWN, ROBOT), "unseen_program"),
    ]:
        assert [one.signal for one in weigh_client(settled(), origin, NOW).evidence] == [signal]


@given(st.integers(min_value=0, max_value=MOST_DAYS), st.integers(min_value=0, max_value=MOST_DAYS))
def test_the_longer_an_account_is_known_the_more_a_new_client_says(one: int, other: int) -> None:
    young, old = (nats(settled(days=days), Origin(ABROAD, OWN, ROBOT)) for days in sorted((one, other)))
    assert old >= young


def test_the_owners_own_text_excuses_his_new_client_and_praises_no_more_than_it() -> None:
    for origin in (Origin(ABROAD, FORGED, ROBOT), Origin(HOME, OWN, TELEPHONE)):
        strict, excused = (weigh_client(settled(), origin, NOW, owners=owners) for owners in (False, True))
        assert excused.nats == min(strict.nats, 0.0)


def test_a_telephone_between_home_and_mobile_network_is_no_botnet() -> None:
    profile = settled((HOME, NOW - 60), (OFFICE, NOW))
    assert nats(profile, Origin(OFFICE, OWN)) == nats(settled(), Origin(OFFICE, OWN))


def test_each_network_beyond_two_within_the_hour_weighs_as_much_again() -> None:
    alone = nats(settled(), Origin(100, OWN))
    for count, more in [(3, 1.5), (4, 3.0), (5, 4.5), (8, CAP), (12, CAP)]:
        profile = settled(*[(100 + number, NOW - number) for number in range(count)])
        assert nats(profile, Origin(100, OWN)) == pytest.approx(min(alone + more, CAP))


def test_networks_of_more_than_an_hour_ago_are_not_counted() -> None:
    profile = settled(*[(100 + number, NOW - 3600.0) for number in range(8)], (ABROAD, NOW))
    assert nats(profile, Origin(ABROAD, OWN)) == nats(settled(), Origin(ABROAD, OWN))


def test_the_owner_at_home_is_suspected_too_while_a_botnet_is_at_work() -> None:
    profile = settled(*[(100 + number, NOW - 60.0 + number) for number in range(5)], (HOME, NOW))
    assert nats(profile, Origin(HOME, OWN)) > 4.0


def test_a_forged_reverse_path_weighs_a_little_and_the_own_one_nothing() -> None:
    assert nats(settled(), Origin(0, FORGED)) == 0.5
    assert nats(settled(), Origin(0, OWN)) == 0.0


def test_a_forged_author_weighs_once_whether_he_is_the_reverse_path_or_not() -> None:
    assert nats(settled(), Origin(0, OWN, 0, FORGED)) == 0.5
    assert nats(settled(), Origin(0, FORGED, 0, FORGED)) == 0.5
    assert nats(settled(), Origin(0, OWN, 0, OWN)) == 0.0


def test_the_terms_are_factors_of_one_e_value_and_add_up_to_the_score() -> None:
    profile = settled(*[(100 + number, NOW) for number in range(3)])
    score = weigh_client(profile, Origin(100, FORGED), NOW)
    assert [one.signal for one in score.evidence] == ["unseen_network", "networks_1h", "unseen_reverse_path"]
    assert score.nats == sum(one.nats for one in score.evidence)


def test_nothing_is_said_of_an_account_without_habits() -> None:
    """On the first day every network is new; that is no offence."""
    for profile in (Profile(), Profile(networks=seen((HOME, NOW)), reverse_paths=seen((OWN, NOW)))):
        score = weigh_client(profile, Origin(ABROAD, FORGED, ROBOT, FORGED), NOW)
        assert score.nats == 0.0
        assert not score.evidence


def test_nothing_is_said_of_mail_whose_origin_is_not_known() -> None:
    assert nats(settled(), Origin(0, 0)) == 0.0


def test_a_clock_set_back_by_a_year_makes_nobody_a_stranger() -> None:
    """The habits were seen in what is now the future: until two days have passed, nothing is known of the account."""
    networks = seen((HOME, NOW), (HOME, NOW - 365 * DAY))
    assert nats(Profile(networks=settled().networks), Origin(HOME, 0), NOW - 365 * DAY) == 0.0
    assert nats(Profile(networks=networks), Origin(HOME, 0), NOW - 364 * DAY) == 0.0
    assert nats(Profile(networks=networks), Origin(HOME, 0), NOW - 363 * DAY) < 0.0


@given(notices, notices, keys, keys, moments)
def test_whatever_was_seen_the_group_stays_within_floor_and_cap(
    networks: list[tuple[int, float]], paths: list[tuple[int, float]], network: int, path: int, now: float
) -> None:
    profile = Profile(networks=seen(*networks), reverse_paths=seen(*paths), programs=seen(*paths))
    score = weigh_client(profile, Origin(network, path, path, network), now)
    assert FLOOR <= score.nats <= CAP
    assert score.evidence or score.nats == 0.0


@given(st.integers(min_value=0, max_value=12), st.integers(min_value=0, max_value=12))
def test_more_networks_within_the_hour_never_lower_the_evidence(one: int, other: int) -> None:
    fewer, more = (
        nats(settled(*[(100 + number, NOW) for number in range(count)]), Origin(100, OWN))
        for count in sorted((one, other))
    )
    assert more >= fewer


def test_a_network_is_strange_until_it_has_been_known_for_two_days() -> None:
    young, old = (settled((ABROAD, NOW - age), (ABROAD, NOW)) for age in (HABIT_AFTER - 1.0, HABIT_AFTER))
    assert nats(young, Origin(ABROAD, OWN)) > 0.0
    assert nats(old, Origin(ABROAD, OWN)) < 0.0
