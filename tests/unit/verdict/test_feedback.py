"""Group feedback: refused recipients weigh, the more the heavier; no answers say nothing."""

from math import fsum, isfinite, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.traffic.baseline import Baseline, Today
from detector.traffic.counters import Counters
from detector.traffic.doubtful import Doubtful
from detector.traffic.features import ANSWERS, ANSWERS_OF, FEATURES, Tally
from detector.traffic.lately import Lately
from detector.traffic.profile import Profile
from detector.verdict.explain import explain
from detector.verdict.feedback import convicting, weigh_feedback
from detector.verdict.odds import CAP, FLOOR
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Verdict

MOST = 10**9
PERSONAL, AUTOMATIC = Stream.PERSONAL, Stream.AUTOMATIC
streams = st.sampled_from(Stream)
shares = st.floats(min_value=0.0, max_value=1.0)
answers = st.one_of(st.integers(min_value=0, max_value=50), st.integers(min_value=0, max_value=MOST))
refusals = st.tuples(answers, shares).map(lambda one: (one[0], int(one[1] * one[0])))  # answered, of these refused


def answered(count: int, refused: int, stream: Stream = PERSONAL, past: Baseline | None = None) -> Profile:
    counters = Counters().add(stream, Tally(count, 0, count, refused), 0.0)
    return Profile(counters=counters, baseline=past or Baseline())


def turned_away(count: int, unwanted: int, stream: Stream = PERSONAL, refused: int = 0) -> Profile:
    """Of so many recipients, servers did not want the mail for some, and others did not exist."""
    counters = Counters().add(stream, Tally(answered=count, refused=refused, unwanted=unwanted), 0.0)
    return Profile(counters=counters)


def used_to(count: int, refused: int, stream: Stream) -> Baseline:
    """The past of an account of whose recipients so many were refused."""
    return Baseline().learn(Today(1).add(stream, [1.0] * len(FEATURES), Tally(count, 0, count, refused)))


def again(profile: Profile, count: int) -> Profile:
    """With mail to so many who had complained."""
    return replace(profile, complainers=profile.complainers.mail(count, profile.counters.updated_at))


def test_mail_to_a_complainer_weighs_as_one_more_who_does_not_want_it(policy: Policy) -> None:
    profile = again(turned_away(20, 1), 1)
    score = weigh_feedback(profile, PERSONAL, policy.prior)
    as_much = weigh_feedback(turned_away(21, 2), PERSONAL, policy.prior)
    told = score.evidence[-1]
    assert (told.signal, told.value) == ("to_complainers_24h", 1.0)
    assert told.nats > 0.5
    assert score.evidence[1].nats + told.nats == pytest.approx(as_much.evidence[1].nats)
    assert "had complained" in " ".join(explain(Verdict(Action.ACCEPT, score.nats, (score,), "", "")))


def test_a_letter_to_a_large_list_may_reach_some_who_had_complained(policy: Policy) -> None:
    def weighed(reached: int) -> float:
        counters = Counters().add(PERSONAL, Tally(recipients=reached, answered=5), 0.0)
        return weigh_feedback(again(Profile(counters=counters), 1), PERSONAL, policy.prior).nats

    assert weighed(400) <= 0.0 < weighed(10) < weighed(2)


@given(refusals, answers, st.floats(min_value=0.0, max_value=50.0), streams)
def test_doubtful_answers_weigh_as_others_and_convict_nobody(
    policy: Policy, answered_refused: tuple[int, int], reported: int, slowed: float, stream: Stream
) -> None:
    count, refused = answered_refused
    reported = min(reported, refused)
    profile = turned_away(count, 0, stream, refused)
    doubtful = replace(profile, doubtful=Doubtful().add(0.0, refused=reported, slowed=slowed))
    score = weigh_feedback(doubtful, stream, policy.prior)
    assert score.nats >= weigh_feedback(profile, stream, policy.prior).nats - 1e-9
    (sure,) = convicting([score])
    without = turned_away(count, 0, stream, refused - min(reported, 5))
    assert sure.nats == weigh_feedback(without, stream, policy.prior).nats
    assert sure.nats <= score.nats + 1e-4


def test_who_has_answers_that_are_sure_only_is_convicted_by_all_of_them(policy: Policy) -> None:
    groups = [weigh_feedback(turned_away(20, 5), PERSONAL, policy.prior)]
    assert convicting(groups) is groups


def test_mail_to_complainers_convicts_nobody(policy: Policy) -> None:
    profile = turned_away(20, 1)
    (sure,) = convicting([weigh_feedback(again(profile, 16), PERSONAL, policy.prior)])
    assert sure == weigh_feedback(profile, PERSONAL, policy.prior)


def test_who_never_mailed_a_complainer_has_no_such_signal(policy: Policy) -> None:
    assert len(weigh_feedback(turned_away(20, 1), PERSONAL, policy.prior).evidence) == 2


@given(refusals, st.integers(min_value=1, max_value=50), streams)
def test_mail_to_complainers_never_speaks_for_an_account(
    policy: Policy, answers: tuple[int, int], count: int, stream: Stream
) -> None:
    profile = turned_away(*answers, stream)
    with_them = weigh_feedback(again(profile, count), stream, policy.prior)
    assert with_them.nats >= weigh_feedback(profile, stream, policy.prior).nats
    assert isfinite(with_them.nats)


def nats(policy: Policy, count: int, refused: int, stream: Stream = PERSONAL) -> float:
    return weigh_feedback(answered(count, refused, stream), stream, policy.prior).nats


@given(refusals, shares, refusals, streams)
def test_of_the_same_number_of_answers_more_refusals_never_lower_the_evidence(
    policy: Policy, answers: tuple[int, int], share: float, past: tuple[int, int], stream: Stream
) -> None:
    count, more = answers
    fewer = int(share * more)
    baseline = used_to(*past, stream)
    light, heavy = (
        weigh_feedback(answered(count, refused, stream, baseline), stream, policy.prior).nats
        for refused in (fewer, more)
    )
    assert heavy >= light - 1e-4


@pytest.mark.parametrize("stream", Stream)
@pytest.mark.parametrize("count", [20, 100, 1000])
def test_an_account_without_refusals_looks_no_worse_than_one_with_some(
    policy: Policy, count: int, stream: Stream
) -> None:
    """Of forwarded mail one recipient in five is usually refused; none refused must not weigh more than that."""
    assert nats(policy, count, 0, stream) <= nats(policy, count, count // 5, stream)
    assert nats(policy, count, 0, stream) < -0.6


@given(refusals)
def test_one_more_recipient_who_is_refused_never_lowers_the_evidence_of_a_person(
    policy: Policy, answers: tuple[int, int]
) -> None:
    count, refused = answers
    assert nats(policy, count + 1, refused + 1) >= nats(policy, count, refused) - 1e-9


@given(refusals, refusals, streams)
def test_whatever_was_answered_the_group_stays_within_floor_and_cap(
    policy: Policy, answers: tuple[int, int], past: tuple[int, int], stream: Stream
) -> None:
    score = weigh_feedback(answered(*answers, stream, used_to(*past, stream)), stream, policy.prior)
    assert FLOOR <= score.nats <= CAP
    assert [one.signal for one in score.evidence] == [ANSWERS[index].name for index in ANSWERS_OF[stream][1:]]
    assert all(isfinite(number) for one in score.evidence for number in (one.value, one.expected, one.nats))


@given(answers, refusals, streams)
def test_nobody_refused_is_never_evidence(policy: Policy, count: int, past: tuple[int, int], stream: Stream) -> None:
    profile = answered(count, 0, stream, used_to(*past, stream))
    assert weigh_feedback(profile, stream, policy.prior).nats <= 0.0


@pytest.mark.parametrize("stream", Stream)
def test_no_answers_say_nothing(policy: Policy, stream: Stream) -> None:
    assert nats(policy, 0, 0, stream) == 0.0


def test_a_bad_list_is_caught_in_a_screenful_and_a_grown_list_never(policy: Policy) -> None:
    assert nats(policy, 9, 4) > 4.0  # two fifths
    assert nats(policy, 20, 5) > 2.0  # a quarter
    assert all(nats(policy, 50 * size, size) < 0.0 for size in (1, 10, 100, 10**6))  # one in fifty
    assert all(nats(policy, 25 * size, size) < 1.0 for size in (1, 10, 100, 10**6))  # one in twenty-five


def test_a_single_wrong_address_does_not_make_a_suspect(policy: Policy) -> None:
    """The group speaks from 1 nat on: one typing error among ten recipients is below it."""
    assert nats(policy, 10, 1) < 1.0


def test_an_account_whose_recipients_were_often_refused_is_measured_by_itself(policy: Policy) -> None:
    past = used_to(1000, 200, PERSONAL)
    assert nats(policy, 100, 20) > 1.0
    assert weigh_feedback(answered(100, 20, PERSONAL, past), PERSONAL, policy.prior).nats < 0.0


def test_the_operator_reads_how_many_of_so_many_are_usual(policy: Policy) -> None:
    refused, unwanted = weigh_feedback(answered(31, 9), PERSONAL, policy.prior).evidence
    assert (refused.signal, refused.value) == ("refused_24h", 9.0)
    assert refused.expected == pytest.approx(0.02 * 31)
    assert (unwanted.signal, unwanted.value) == ("unwanted_24h", 0.0)
    bad, good = policy.prior.objections[0]
    assert unwanted.expected == pytest.approx(bad / (bad + good) * (31 - 9))  # of those that exist


def test_the_terms_are_factors_of_one_e_value_and_add_up_to_the_score(policy: Policy) -> None:
    score = weigh_feedback(turned_away(30, 1, refused=2), PERSONAL, policy.prior)
    assert score.nats == pytest.approx(fsum(one.nats for one in score.evidence))


def test_mail_that_servers_turn_away_as_spam_weighs_more_than_addresses_that_do_not_exist(policy: Policy) -> None:
    unwanted = weigh_feedback(turned_away(40, 3), PERSONAL, policy.prior).nats
    assert unwanted > nats(policy, 40, 3)
    assert unwanted > 3.0


@given(st.integers(min_value=0, max_value=300), st.data(), streams)
def test_of_the_same_answers_more_objections_never_lower_the_evidence(
    policy: Policy, count: int, data: st.DataObject, stream: Stream
) -> None:
    fewer = data.draw(st.integers(min_value=0, max_value=count))
    more = data.draw(st.integers(min_value=fewer, max_value=count))
    light, heavy = (
        weigh_feedback(turned_away(count, unwanted, stream), stream, policy.prior).nats for unwanted in (fewer, more)
    )
    assert heavy >= light - 1e-6


def test_an_objection_of_whom_no_answer_is_known_counts_as_an_answer(policy: Policy) -> None:
    """Complaints come later than the day's other answers have faded."""
    assert 0.0 < weigh_feedback(turned_away(0, 1), PERSONAL, policy.prior).nats < CAP


@given(refusals, st.integers(min_value=0, max_value=200))
def test_recipients_accepted_just_now_never_speak_against_the_account(
    policy: Policy, answers: tuple[int, int], accepted: int
) -> None:
    profile = answered(*answers)
    before = weigh_feedback(profile, PERSONAL, policy.prior).nats
    after = weigh_feedback(profile, PERSONAL, policy.prior, accepted).nats
    assert after <= max(before, 0.0) + 1e-6


def test_a_message_counts_its_accepted_recipients_as_if_they_had_been_answered(policy: Policy) -> None:
    refused_only = Profile(counters=Counters().add(PERSONAL, Tally(answered=5, refused=5), 0.0))
    now = weigh_feedback(refused_only, PERSONAL, policy.prior, accepted=15)
    assert now.nats == weigh_feedback(answered(20, 5), PERSONAL, policy.prior).nats


@given(st.integers(min_value=0, max_value=200))
def test_who_was_accepted_in_held_mail_counts_as_if_he_had_answered(policy: Policy, withheld: int) -> None:
    refused_only = Profile(counters=Counters().add(PERSONAL, Tally(answered=5, refused=5), 0.0))
    holding = replace(refused_only, lately=Lately().withhold(withheld, 0.0))
    assert weigh_feedback(holding, PERSONAL, policy.prior) == weigh_feedback(
        answered(5 + withheld, 5), PERSONAL, policy.prior
    )
    assert weigh_feedback(holding, AUTOMATIC, policy.prior) == weigh_feedback(refused_only, AUTOMATIC, policy.prior)


def test_refusals_of_forwarded_mail_are_not_held_against_the_person(policy: Policy) -> None:
    forwarder = answered(20, 20, AUTOMATIC)
    assert weigh_feedback(forwarder, PERSONAL, policy.prior).nats == 0.0
    assert weigh_feedback(forwarder, AUTOMATIC, policy.prior).nats == CAP


def test_refusals_are_forgotten_in_days_and_old_ones_do_not_turn_into_praise(policy: Policy) -> None:
    profile = answered(40, 20)
    later = [
        weigh_feedback(Profile(counters=profile.counters.at(days * 86400.0)), PERSONAL, policy.prior).nats
        for days in range(30)
    ]
    assert later[0] == CAP
    assert later == sorted(later, reverse=True)
    assert later[-1] == pytest.approx(0.0, abs=1e-4)
    assert min(later) >= 0.0


@pytest.mark.parametrize(
    ("strangers", "own"), [(0, False), (1, True), (50, True), (92, True), (93, False), (100, False)]
)
def test_a_bad_list_in_which_the_account_knows_some_may_be_its_own_old_address_book(
    policy: Policy, strangers: int, own: bool
) -> None:
    tally = Tally(recipients=100, first_time=strangers, answered=40, refused=20)
    score = weigh_feedback(Profile(counters=Counters().add(PERSONAL, tally, 0.0)), PERSONAL, policy.prior)
    refused = score.evidence[0].nats
    assert refused == pytest.approx(log(10.0), abs=1e-3) if own else refused > CAP
