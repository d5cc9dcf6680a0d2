"""A policy is what the configuration says, keeps its secret, and its defaults mean what the design says they mean."""

from dataclasses import fields, replace
from math import exp, log

from detector.config import Judging
from detector.mail.address import Address
from detector.traffic.cohort import Cohort
from detector.traffic.profile import Profile
from detector.verdict.admit import admit
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Group
from tests.histories import transaction


def test_the_secret_of_all_hashes_is_not_shown_with_the_policy(policy: Policy) -> None:
    """Policies may end up in a traceback; whoever has the key can ask profiles for any address."""
    assert policy.recipient_key == b"a key of the tests"
    assert "a key of the tests" not in repr(policy)


def test_without_configuration_the_policy_is_the_default_configuration(policy: Policy) -> None:
    configured = Policy(policy.recipient_key, policy.priors, policy.model_version, **Judging().model_dump())
    assert configured == policy


def test_every_number_of_the_configuration_reaches_the_judge(policy: Policy) -> None:
    usual = Judging().model_dump()
    changed = {name: value if name == "silent_groups" else value + 1 for name, value in usual.items()}
    configured = Policy(policy.recipient_key, policy.priors, policy.model_version, **changed)
    assert {one.name: getattr(configured, one.name) for one in fields(Policy) if one.name in changed} == changed
    window = configured.window
    assert (window.start, window.least, window.most) == (21, 6, 501)
    assert window.clean_after == 601.0


def test_the_window_of_the_policy_is_the_one_that_recipients_meet(policy: Policy) -> None:
    narrow = replace(policy, window_start=3, window_least=1)
    profile, passed = Profile(), 0
    for number in range(10):
        profile, may_pass = admit(profile, Address(f"a{number}", "there.example"), 1.8e9, narrow)
        passed += may_pass
    assert passed == 3


def test_an_account_is_blocked_when_it_is_at_least_as_likely_stolen_as_not(policy: Policy) -> None:
    """Ten in a million accounts are stolen on a day: 11.5 nats make even odds of that."""
    stolen = 1e-5
    odds = exp(policy.block_score + log(stolen / (1.0 - stolen)))
    assert 0.98 < odds / (1.0 + odds) * 2.0 < 1.02


def test_a_day_is_not_learned_from_long_before_it_would_be_blocked(policy: Policy) -> None:
    assert policy.hold_score <= policy.block_score - 2.0


def test_the_groups_that_the_configuration_silences_are_silent(policy: Policy) -> None:
    configured = Judging(silent_groups=frozenset({Group.TEXT})).model_dump()
    assert Policy(policy.recipient_key, policy.priors, policy.model_version, **configured).silent_groups == {Group.TEXT}


def test_an_assigned_cohort_counts_and_not_the_learned_one(policy: Policy) -> None:
    learned = Profile(cohort=3)
    assert policy.prior_of(Profile()) is policy.prior is policy.priors.person
    assert policy.prior_of(learned) is policy.priors.application
    assert policy.for_cohort("organisation").prior_of(learned) is policy.priors.organisation
    assert [policy.for_cohort(word).prior for word in Cohort] == list(policy.priors)


def test_without_an_assignment_it_is_the_same_policy_and_nothing_is_made_anew(policy: Policy) -> None:
    assert policy.for_cohort("") is policy
    assert policy.for_cohort("application") is policy.for_cohort("application")


def test_the_policies_of_cohorts_have_the_thresholds_of_the_whole(policy: Policy) -> None:
    strict = replace(policy, hold_score=3.0)
    assert {strict.for_cohort(word).hold_score for word in Cohort} == {3.0}
    assert strict.for_cohort("person") == replace(strict, assigned=Cohort.PERSON)


def test_the_same_mail_says_less_of_an_organisation_or_an_application_than_of_a_person(policy: Policy) -> None:
    scores = {}
    for word in Cohort:
        profile = Profile()
        for number in range(60):
            one = transaction(number, client="192.0.2.7")
            profile, verdict = judge(profile, one, 1.8e9 + 60.0 * number, policy.for_cohort(word))
            scores[word] = verdict.score
    assert max(scores[Cohort.APPLICATION], scores[Cohort.ORGANISATION]) < scores[Cohort.PERSON] - 1.0
