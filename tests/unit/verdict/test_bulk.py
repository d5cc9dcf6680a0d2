"""Group bulk: the more recipients, and the more strangers among them, the heavier; the usual says nothing."""

from math import exp, fsum, isfinite, log, log1p, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.traffic.baseline import Baseline, Today
from detector.traffic.counters import Counters
from detector.traffic.features import FEATURES, FEATURES_OF, Tally
from detector.traffic.profile import Profile
from detector.traffic.run import Run
from detector.verdict.bulk import FAMILIES, INDEXES, weigh_bulk
from detector.verdict.odds import CAP, FLOOR, calibrated
from detector.verdict.policy import Policy
from detector.verdict.verdict import Evidence

MOST = 10**9
amounts = st.floats(min_value=0.0, max_value=MOST)
counts = st.integers(min_value=0, max_value=MOST)
pasts = st.lists(counts, max_size=50)
streams = st.sampled_from(Stream)


def sent(recipients: int, first_time: int, past: Baseline, stream: Stream = Stream.PERSONAL) -> Profile:
    counters = Counters().add(stream, Tally(recipients, first_time, recipients, 0), 0.0)
    return Profile(counters=counters, baseline=past)


def learned(peaks: list[int], stream: Stream = Stream.PERSONAL) -> Baseline:
    """The past of an account whose days had these peaks, in each feature."""
    baseline = Baseline()
    for peak in peaks:
        baseline = baseline.learn(Today(1).add(stream, [float(peak)] * len(FEATURES), Tally(peak, peak, peak, 0)))
    return baseline


@given(counts, counts, counts, pasts)
def test_more_new_recipients_never_lower_the_evidence(
    policy: Policy, recipients: int, one: int, other: int, past: list[int]
) -> None:
    fewer, more = sorted((one, other))
    baseline = learned(past)
    light = weigh_bulk(sent(recipients + more, fewer, baseline), Stream.PERSONAL, policy.prior)
    heavy = weigh_bulk(sent(recipients + more, more, baseline), Stream.PERSONAL, policy.prior)
    assert heavy.nats >= light.nats - 1e-9


@given(st.lists(amounts, min_size=len(FEATURES), max_size=len(FEATURES)), st.data(), pasts, streams)
def test_no_counter_lowers_the_evidence_by_growing(
    policy: Policy, features: list[float], data: st.DataObject, past: list[int], stream: Stream
) -> None:
    index = data.draw(st.sampled_from(FEATURES_OF[stream]))
    grown = list(features)
    grown[index] = data.draw(st.floats(min_value=features[index], max_value=MOST))
    profile = Profile(baseline=learned(past, stream))
    light, heavy = (
        weigh_bulk(replace(profile, counters=Counters(0.0, features=tuple(one))), stream, policy.prior)
        for one in (features, grown)
    )
    assert heavy.nats >= light.nats - 1e-6


@given(st.lists(amounts, min_size=len(FEATURES), max_size=len(FEATURES)), pasts, streams)
def test_whatever_was_counted_the_group_stays_within_floor_and_cap(
    policy: Policy, features: list[float], past: list[int], stream: Stream
) -> None:
    profile = Profile(counters=Counters(0.0, features=tuple(features)), baseline=learned(past, stream))
    score = weigh_bulk(profile, stream, policy.prior)
    assert FLOOR <= score.nats <= CAP
    assert all(isfinite(number) for one in score.evidence for number in (one.value, one.expected, one.nats))
    named = {FEATURES[index].name for index in FEATURES_OF[stream]}
    strangers = {"to_strangers_in_a_row"} if stream is Stream.PERSONAL else set()
    assert sorted(one.signal for one in score.evidence) == sorted(named | strangers)


@given(pasts, streams)
def test_an_account_that_sends_nothing_has_nothing_against_it(policy: Policy, past: list[int], stream: Stream) -> None:
    score = weigh_bulk(Profile(baseline=learned(past, stream)), stream, policy.prior)
    assert score.nats == pytest.approx(log(0.5))  # "silent: e is about 0.5"


def test_a_day_like_the_days_before_says_nothing(policy: Policy) -> None:
    usual = [400, 500, 600, 500] * 12
    assert weigh_bulk(sent(500, 500, learned(usual)), Stream.PERSONAL, policy.prior).nats < 0.0
    assert weigh_bulk(sent(500, 500, learned([1, 2, 3] * 10)), Stream.PERSONAL, policy.prior).nats == CAP


def test_a_day_twice_as_busy_as_the_busiest_is_no_scandal(policy: Policy) -> None:
    past = learned([2, 4, 8, 10] * 10)
    assert weigh_bulk(sent(20, 5, past), Stream.PERSONAL, policy.prior).nats < 1.0


def test_a_new_customer_may_write_to_ten_people_but_not_to_forty(policy: Policy) -> None:
    """The cold start: only the cohort tells what is usual."""
    ten, forty = (weigh_bulk(sent(count, count, Baseline()), Stream.PERSONAL, policy.prior) for count in (10, 40))
    assert ten.nats < 1.0
    assert forty.nats > 4.0


def test_of_a_young_account_less_is_said_than_of_an_old_one(policy: Policy) -> None:
    """It may be a shop's program, of which nothing is known yet."""
    nats = [weigh_bulk(sent(500, 500, learned([2] * days)), Stream.PERSONAL, policy.prior).nats for days in range(30)]
    assert nats == sorted(nats)
    assert nats[0] < nats[-1] == CAP


def test_strangers_weigh_more_than_people_that_the_account_knows(policy: Policy) -> None:
    friends, strangers = (
        weigh_bulk(sent(20, first_time, Baseline()), Stream.PERSONAL, policy.prior) for first_time in (0, 20)
    )
    assert strangers.nats > friends.nats + 1.0


def test_the_other_stream_is_not_held_against_an_account(policy: Policy) -> None:
    """A thousand vacation answers are no bulk mail of a person."""
    answers = sent(1000, 1000, Baseline(), Stream.AUTOMATIC)
    assert weigh_bulk(answers, Stream.PERSONAL, policy.prior).nats < 0.0
    assert weigh_bulk(answers, Stream.AUTOMATIC, policy.prior).nats > 1.0


def test_correlated_signals_are_averaged_and_never_added(policy: Policy) -> None:
    """The club secretary's first mailing: rate and novelty are one observation, not six."""
    score = weigh_bulk(sent(20, 20, Baseline()), Stream.PERSONAL, policy.prior)
    e_values = {one.signal: exp(one.nats) for one in score.evidence}
    votes = []
    for family in FAMILIES:
        members = [e_values[one.name] for one in FEATURES if one.name in e_values and one.measure in family]
        votes.append(fsum(members) / len(members))
    votes.append(e_values["to_strangers_in_a_row"])
    assert exp(score.nats) == pytest.approx(fsum(votes) / len(votes))


@given(streams)
def test_every_feature_has_a_vote_in_one_family(stream: Stream) -> None:
    assert sorted(INDEXES[stream]) == sorted(FEATURES_OF[stream])


def test_a_signal_weighs_as_the_bound_on_a_negative_binomial_tail_says(policy: Policy) -> None:
    score = weigh_bulk(sent(20, 20, Baseline()), Stream.PERSONAL, policy.prior)
    counts = [one for one in score.evidence if one.signal.startswith(("recipients", "new_recipients"))]
    assert len(counts) == 6
    for one in counts:
        mean, variance = Baseline().expect([feature.name for feature in FEATURES].index(one.signal), policy.prior)
        shape = mean / (variance / mean - 1.0)
        surprise = 20.0 * log(20.0 / mean) - (20.0 + shape) * log((20.0 + shape) / (mean + shape))
        p = exp(-surprise)
        assert one.nats == pytest.approx(log1p(-p + p * log(p)) - log(p) - 2.0 * log(-log(p)))
        assert one.expected == pytest.approx(mean + 2.0 * sqrt(variance))


def to_strangers(run: int, messages: int, strangers: int) -> Profile:
    """So many messages in a row to nobody but strangers, by an account that has a share of such messages."""
    past = Baseline().learn(Today(1, messages=messages, to_strangers=strangers))
    return Profile(run=Run(to_strangers=run), baseline=past)


def weight_of_run(policy: Policy, profile: Profile) -> Evidence:
    return weigh_bulk(profile, Stream.PERSONAL, policy.prior).evidence[-1]


@given(st.integers(min_value=0, max_value=200), st.integers(min_value=0, max_value=200))
def test_the_longer_a_run_of_strangers_the_heavier(policy: Policy, one: int, other: int) -> None:
    short, long = (weight_of_run(policy, to_strangers(run, 100, 20)).nats for run in sorted((one, other)))
    assert long >= short - 1e-9


@given(st.integers(min_value=2, max_value=100), st.integers(min_value=0, max_value=190), st.integers(0, 190))
def test_a_run_of_strangers_says_less_of_who_writes_to_strangers_anyway(
    policy: Policy, run: int, one: int, other: int
) -> None:
    seldom, often = (weight_of_run(policy, to_strangers(run, 190, share)).nats for share in sorted((one, other)))
    assert often <= seldom + 1e-9


def test_the_first_message_to_a_stranger_is_no_run(policy: Policy) -> None:
    assert weight_of_run(policy, to_strangers(1, 200, 0)).nats == pytest.approx(log(0.5))


def test_a_dozen_strangers_in_a_row_are_unusual_for_people_and_not_for_a_shop(policy: Policy) -> None:
    assert weight_of_run(policy, to_strangers(12, 200, 20)).nats > 6.0
    assert weight_of_run(policy, to_strangers(12, 200, 190)).nats < 1.0
    assert weight_of_run(policy, Profile(run=Run(to_strangers=12))).nats < 1.0  # a new account: everybody is a stranger


def test_a_run_of_a_person_is_not_held_against_his_vacation_notes(policy: Policy) -> None:
    score = weigh_bulk(to_strangers(50, 100, 10), Stream.AUTOMATIC, policy.prior)
    assert "to_strangers_in_a_row" not in [one.signal for one in score.evidence]
    assert score.nats < 0.0


def test_a_run_of_independent_messages_is_an_e_value() -> None:
    """The mean over runs of any length, where each next message goes to strangers with the usual chance."""
    usual = to_strangers(0, 200, 40).baseline.stranger_rate()
    surprise = -log(usual)
    mean = (1.0 - usual) * fsum(exp(calibrated(more * surprise) - more * surprise) for more in range(2000))
    assert mean <= 1.0
