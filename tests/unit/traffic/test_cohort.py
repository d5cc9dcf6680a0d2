"""What kind of sender an account is: learned from its clean days, late and slowly, never from what may be a thief's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.models import load_prior
from detector.traffic.baseline import Baseline, Today
from detector.traffic.clock import DAY
from detector.traffic.cohort import (
    IN_A_ROW,
    LEARNED_AFTER,
    MARGIN,
    Cohort,
    learn_cohort,
    likelihoods,
    nearest,
)
from detector.traffic.features import FEATURES, Tally
from detector.traffic.profile import Leaning, Profile

PRIORS, _ = load_prior()
FIRST = 20_000
PERSON, ORGANISATION, APPLICATION = 1, 2, 3
DAYS = int(LEARNED_AFTER / DAY)


def a_day(day: int, messages: int, recipients: int, strangers: float) -> Today:
    """Letters to others are alike when there are many of them."""
    alike = {"copies_24h": messages if messages > 20 else 1, "same_text_24h": recipients}
    peaks = [
        alike.get(feature.name, recipients * (strangers if feature.name.startswith("new_") else 1.0))
        for feature in FEATURES
    ]
    to_strangers = round(messages * strangers)
    return Today(day).add(Stream.PERSONAL, peaks, Tally(recipients, messages=messages, to_strangers=to_strangers))


def persons(day: int) -> Today:
    return a_day(day, 3, 1 + day % 4, 0.2)


def shops(day: int) -> Today:
    return a_day(day, 60 + day % 30, 60 + day % 30, 0.8)


def clubs(day: int) -> Today:
    return a_day(day, 1, 180, 0.6) if day % 15 == 7 else persons(day)


def lived(*days: Today, profile: Profile | None = None) -> Profile:
    """As the judge does it with the first message of each day."""
    profile = profile or Profile(first_seen=days[0].day * DAY)
    for today in days:
        profile = learn_cohort(profile.on_day(today.day), today.day, PRIORS)
        profile = replace(profile, today=today)
    return learn_cohort(profile.on_day(days[-1].day + 1), days[-1].day + 1, PRIORS)


def test_the_words_of_the_cohorts_are_those_of_the_commands_and_the_records() -> None:
    assert [str(cohort) for cohort in Cohort] == ["person", "organisation", "application"]
    assert Cohort("organisation") is Cohort.ORGANISATION


def test_priors_are_found_by_the_number_of_a_profile_and_by_name() -> None:
    assert [PRIORS.of(number) for number in (0, 1, 2, 3)] == [PRIORS.person, *PRIORS]
    assert [PRIORS.named(cohort) for cohort in Cohort] == list(PRIORS)


@pytest.mark.parametrize(
    ("kind", "cohort"), [(persons, PERSON), (clubs, ORGANISATION), (shops, APPLICATION)], ids=["person", "club", "shop"]
)
def test_an_account_is_learned_by_what_it_does_for_weeks(kind: type, cohort: int) -> None:
    assert lived(*map(kind, range(FIRST, FIRST + 40))).cohort == cohort


def test_a_shop_is_known_without_its_texts_too() -> None:
    """A log shows none."""
    days = [shops(day) for day in range(FIRST, FIRST + 20)]
    copies = [feature.name for feature in FEATURES].index("copies_24h")
    silent = [replace(day, peaks=(*day.peaks[:copies], 0.0, *day.peaks[copies + 1 :])) for day in days]
    assert lived(*silent).cohort == APPLICATION


def test_nothing_is_learned_before_two_weeks() -> None:
    shop = lived(*map(shops, range(FIRST, FIRST + DAYS - 1)))
    assert (shop.cohort, shop.leaning) == (0, Leaning(APPLICATION, IN_A_ROW))
    assert lived(shops(FIRST + DAYS - 1), profile=shop).cohort == APPLICATION


def test_an_old_account_with_few_days_is_not_known_yet() -> None:
    weekly = range(FIRST, FIRST + 7 * (IN_A_ROW - 1), 7)
    assert lived(*map(shops, weekly)).cohort == 0


def test_one_day_of_bulk_makes_nobody_an_application() -> None:
    past = [persons(day) for day in range(FIRST, FIRST + 30)]
    later = [persons(day) for day in range(FIRST + 31, FIRST + 60)]
    assert lived(*past, shops(FIRST + 30), *later).cohort == PERSON


def test_a_thief_needs_weeks_of_days_that_nobody_found_suspicious() -> None:
    past = lived(*[persons(day) for day in range(FIRST, FIRST + 30)])
    attack = [shops(day) for day in range(FIRST + 31, FIRST + 31 + IN_A_ROW)]
    assert lived(*attack, profile=past).cohort == PERSON


def test_suspicious_days_count_for_nothing() -> None:
    profile = lived(*[persons(day) for day in range(FIRST, FIRST + 30)])
    for day in range(FIRST + 31, FIRST + 80):
        profile = lived(shops(day), profile=replace(profile, suspicious_day=day))
    assert profile.cohort == PERSON
    assert profile.leaning == Leaning(PERSON, IN_A_ROW)


def test_once_a_day_has_begun_nothing_is_asked_again() -> None:
    profile = replace(lived(*map(shops, range(FIRST, FIRST + 5))), today=shops(FIRST + 5))
    assert learn_cohort(profile, FIRST + 5, PRIORS) is profile


def test_an_account_without_clean_days_of_its_own_mail_is_of_no_cohort() -> None:
    automatic = Baseline().learn(Today(1).add(Stream.AUTOMATIC, [500.0] * len(FEATURES), Tally(500)))
    for baseline in (Baseline(), automatic):
        profile = Profile(first_seen=1.0, baseline=baseline)
        assert learn_cohort(profile, FIRST, PRIORS) is profile


amounts = st.floats(min_value=0.0, max_value=1e4)
baselines = st.builds(
    Baseline,
    days=st.just((20, 0)),
    means=st.lists(amounts, min_size=len(FEATURES), max_size=len(FEATURES)).map(tuple),
    variances=st.lists(amounts, min_size=len(FEATURES), max_size=len(FEATURES)).map(tuple),
    messages=st.just(100.0),
    to_strangers=st.floats(min_value=0.0, max_value=100.0),
)


@given(baselines)
def test_what_an_account_is_now_is_never_left_for_and_taken_back_on_the_same_day(baseline: Baseline) -> None:
    """Hysteresis: where one cohort leads to another, that one does not lead back."""
    for present in (PERSON, ORGANISATION, APPLICATION):
        cohort = nearest(baseline, present, PRIORS)
        assert nearest(baseline, cohort, PRIORS) == cohort


@given(baselines, st.sampled_from([PERSON, ORGANISATION, APPLICATION]))
def test_without_a_clear_difference_nobody_changes(baseline: Baseline, present: int) -> None:
    cohort = nearest(baseline, present, PRIORS)
    scores = likelihoods(baseline, PRIORS)
    assert cohort == present or scores[cohort - 1] >= scores[present - 1] + MARGIN
    assert scores[cohort - 1] > max(scores) - MARGIN


def test_each_cohort_is_nearest_to_itself() -> None:
    for number, prior in enumerate(PRIORS, 1):
        baseline = Baseline(
            means=prior.means, variances=prior.variances, messages=200.0, to_strangers=200.0 * prior.strangers.share
        )
        assert nearest(baseline, 0, PRIORS) == number
