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
from detector.verdict.bulk import weigh_bulk
from detector.verdict.odds import CAP, FLOOR
from detector.verdict.policy import Policy

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
    assert [one.signal for one in score.evidence] == [FEATURES[index].name for index in FEATURES_OF[stream]]


@given(pasts, streams)
def test_an_account_that_sends_nothing_has_nothing_against_it(policy: Policy, past: list[int], stream: Stream) -> None:
    score = weigh_bulk(Profile(baseline=learned(past, stream)), stream, policy.prior)
    assert score.nats == pytest.approx(log(0.5))  # "silent: e is about 0.5"


def test_a_day_like_the_days_before_says_nothing(policy: Policy) -> None:
    usual = [400, 500, 600, 500] * 12
    assert weigh_bulk(sent(500, 500, learned(usual)), Stream.PERSONAL, policy.prior).nats < 0.0
    assert weigh_bulk(sent(500, 500, Baseline()), Stream.PERSONAL, policy.prior).nats == CAP


def test_a_day_twice_as_busy_as_the_busiest_is_no_scandal(policy: Policy) -> None:
    past = learned([2, 4, 8, 10] * 10)
    assert weigh_bulk(sent(20, 5, past), Stream.PERSONAL, policy.prior).nats < 1.0


def test_a_new_customer_may_write_to_ten_people_but_not_to_forty(policy: Policy) -> None:
    """The cold start: only the cohort tells what is usual."""
    ten, forty = (weigh_bulk(sent(count, count, Baseline()), Stream.PERSONAL, policy.prior) for count in (10, 40))
    assert ten.nats < 1.0
    assert forty.nats == CAP


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
    e_values = [exp(one.nats) for one in score.evidence]
    assert exp(score.nats) == pytest.approx(fsum(e_values) / len(e_values))


def test_a_signal_weighs_as_the_bound_on_a_negative_binomial_tail_says(policy: Policy) -> None:
    score = weigh_bulk(sent(20, 20, Baseline()), Stream.PERSONAL, policy.prior)
    for number, one in enumerate(score.evidence):
        mean, variance = Baseline().expect(number, policy.prior)
        shape = mean / (variance / mean - 1.0)
        surprise = 20.0 * log(20.0 / mean) - (20.0 + shape) * log((20.0 + shape) / (mean + shape))
        p = exp(-surprise)
        assert one.nats == pytest.approx(log1p(-p + p * log(p)) - log(p) - 2.0 * log(-log(p)))
        assert one.expected == pytest.approx(mean + 2.0 * sqrt(variance))
