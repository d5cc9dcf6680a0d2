"""What is held goes when its probation brings nothing bad, or when answers outweigh the doubts; never by time alone."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.content import Content
from detector.mail.transaction import Stream
from detector.traffic.baseline import Baseline
from detector.traffic.clock import DAY
from detector.traffic.cohort import Cohort
from detector.traffic.counters import Counters
from detector.traffic.features import Tally
from detector.traffic.lately import Lately
from detector.traffic.profile import Profile
from detector.traffic.texts import Texts
from detector.verdict.feedback import weigh_feedback
from detector.verdict.hold import (
    EPISODE,
    FEW_ELSEWHERE,
    GROWN_UP,
    HARMLESS,
    MOST_PROBED,
    MOST_STRANGERS,
    PROBATION,
    PROVEN_HARMLESS,
    RELEASE_BELOW,
    Held,
    doubts,
    harmless,
    held,
    many_strangers,
    may_go,
    may_probe,
    on_hold,
    probed,
    relieved,
)
from detector.verdict.policy import Policy
from detector.verdict.verdict import Group, GroupScore

NOW = 1.8e9
MOST = {Group.BULK: 8.0, Group.CLIENT: 8.0, Group.TEXT: 6.0, Group.CAMPAIGN: 8.0}
moments = st.floats(min_value=NOW, max_value=NOW + 400 * DAY)


def groups(bulk: float = 0.0, client: float = 0.0, text: float = 0.0, campaign: float = 0.0) -> tuple[GroupScore, ...]:
    nats = {Group.BULK: bulk, Group.CLIENT: client, Group.TEXT: text, Group.CAMPAIGN: campaign}
    return tuple(GroupScore(group, value, ()) for group, value in nats.items())


def waiting(answered: int = 0, refused: int = 0, unwanted: int = 0, at: float = NOW) -> Profile:
    """An account whose mail is held since `NOW`, with such answers."""
    tally = Tally(answered=answered, refused=refused, unwanted=unwanted)
    return Profile(counters=Counters().add(Stream.PERSONAL, tally, at), held_since=NOW)


def message(**nats: float) -> Held:
    return held(groups(**nats), Stream.PERSONAL)


def test_what_is_remembered_of_a_held_message_is_all_but_the_answers() -> None:
    feedback = GroupScore(Group.FEEDBACK, 5.0, ())
    assert held((feedback, *groups(bulk=7.0)), Stream.AUTOMATIC) == Held(Stream.AUTOMATIC, groups(bulk=7.0))


def test_below_the_threshold_nothing_waits(policy: Policy) -> None:
    assert not on_hold(Profile(), groups(bulk=policy.hold_score - 0.1), NOW, policy)
    assert on_hold(Profile(), groups(bulk=policy.hold_score), NOW, policy)


def test_a_mailing_that_is_only_large_waits_for_the_probation_and_no_longer(policy: Policy) -> None:
    large = groups(bulk=8.0)
    assert on_hold(waiting(), large, NOW + PROBATION - 1, policy)
    assert not on_hold(waiting(), large, NOW + PROBATION, policy)
    assert not may_go(waiting(), message(bulk=8.0), NOW + PROBATION - 1, policy)
    assert may_go(waiting(), message(bulk=8.0), NOW + PROBATION, policy)


def test_a_probation_served_yesterday_excuses_nothing_new_today(policy: Policy) -> None:
    assert on_hold(waiting(), groups(bulk=8.0), NOW + EPISODE, policy)


def test_what_waited_longer_than_an_episode_may_still_go(policy: Policy) -> None:
    for later in (EPISODE, 30 * DAY):
        assert may_go(waiting(), message(bulk=8.0), NOW + later, policy)


@given(moments, st.floats(0.0, 8.0), st.sampled_from([Group.CLIENT, Group.TEXT, Group.CAMPAIGN]), st.floats(0.0, 1.0))
def test_where_another_kind_of_evidence_speaks_time_alone_releases_nothing(
    policy: Policy, now: float, bulk: float, other: Group, share: float
) -> None:
    least = PROVEN_HARMLESS.get(other, HARMLESS[other])
    nats = least + 0.01 + share * (MOST[other] - least - 0.01)
    bulk = max(bulk, policy.hold_score - nats)
    doubtful = groups(bulk=bulk) if bulk > 8.0 else groups(**{"bulk": bulk, other.value: nats})
    if sum(one.nats for one in doubtful) < policy.hold_score:
        return
    assert not may_go(waiting(), Held(Stream.PERSONAL, doubtful), now, policy) or bulk > 8.0


@given(moments, st.integers(min_value=1, max_value=40), st.floats(min_value=0.0, max_value=DAY))
def test_a_large_mailing_is_not_released_while_its_answers_are_bad(
    policy: Policy, now: float, bad: int, later: float
) -> None:
    """Whenever one looks: as long as the group feedback says anything against it."""
    profile = waiting(answered=3 * bad, refused=bad, unwanted=bad, at=NOW + later)
    faded = replace(profile, counters=profile.counters.at(now))
    if weigh_feedback(faded, Stream.PERSONAL, policy.prior).nats > 0.0:
        assert not may_go(profile, message(bulk=8.0), now, policy)


def test_good_answers_release_what_was_held_by_a_little(policy: Policy) -> None:
    a_little = message(bulk=policy.hold_score - RELEASE_BELOW - 0.4 + 0.5, client=0.0)
    assert not may_go(waiting(), a_little, NOW + 1, policy)
    assert may_go(waiting(answered=200), a_little, NOW + 1, policy)


def test_no_number_of_good_answers_releases_a_thiefs_mail(policy: Policy) -> None:
    thief = message(bulk=8.0, client=3.0)
    assert not may_go(waiting(answered=10_000), thief, NOW + PROBATION, policy)


def test_good_answers_excuse_a_text_that_reads_a_little_worse(policy: Policy) -> None:
    tasteless = message(bulk=8.0, text=(HARMLESS[Group.TEXT] + PROVEN_HARMLESS[Group.TEXT]) / 2)
    assert not may_go(waiting(), tasteless, NOW + PROBATION, policy)
    assert may_go(waiting(answered=100), tasteless, NOW + PROBATION, policy)


@given(st.floats(-0.7, 8.0), st.floats(-0.7, 8.0), st.floats(-0.7, 6.0), st.floats(0.0, 8.0))
def test_harmless_is_what_says_no_more_than_large(bulk: float, client: float, text: float, campaign: float) -> None:
    if harmless(groups(bulk, client, text, campaign)):
        assert client <= 1.0
        assert text <= HARMLESS[Group.TEXT]
        assert campaign <= 0.0
        assert harmless(groups(bulk, min(client, 0.0), min(text, 0.0), campaign))


@given(
    st.floats(NOW, NOW + EPISODE, exclude_max=True),
    st.floats(-0.7, 8.0),
    st.floats(-0.7, 8.0),
    st.floats(-0.7, 6.0),
)
def test_what_may_go_would_not_be_held_again(
    policy: Policy, now: float, bulk: float, client: float, text: float
) -> None:
    """Mail does not go to and fro: released at one moment, it is not held at the same in its episode."""
    profile, lasting = waiting(answered=30), groups(bulk, client, text)
    if may_go(profile, Held(Stream.PERSONAL, lasting), now, policy):
        profile = replace(profile, counters=profile.counters.at(now))
        feedback = weigh_feedback(profile, Stream.PERSONAL, policy.prior)
        assert not on_hold(profile, (feedback, *lasting), now, policy)


def writing_to(strangers: float, days: int) -> Profile:
    counters = Counters().add(Stream.PERSONAL, Tally(first_time=int(strangers)), NOW)
    return Profile(counters=counters, baseline=Baseline(days=(days, 0)), held_since=NOW)


def test_two_thousand_strangers_a_day_are_many_and_for_a_young_account_half_of_them() -> None:
    for days, most in ((GROWN_UP, MOST_STRANGERS), (GROWN_UP - 1, MOST_STRANGERS / 2)):
        assert not many_strangers(writing_to(most, days))
        assert many_strangers(writing_to(most + 1, days))


def test_mail_to_many_strangers_waits_without_end_unless_somebody_said_who_the_sender_is(policy: Policy) -> None:
    profile, now = writing_to(2 * MOST_STRANGERS, GROWN_UP), NOW + PROBATION
    assigned = policy.for_cohort(Cohort.ORGANISATION)
    assert on_hold(profile, groups(bulk=1.0), now, policy)
    assert not on_hold(profile, groups(bulk=0.9), now, policy)
    assert not may_go(profile, message(bulk=8.0), now, policy)
    assert not on_hold(profile, groups(bulk=8.0), now, assigned)
    assert may_go(profile, message(bulk=8.0), now, assigned)


def test_a_text_that_came_from_home_since_is_the_owners_wherever_it_came_from_first(policy: Policy) -> None:
    letter = Content(7, sketch=bytes(range(16)))
    first = held(groups(bulk=5.0, client=3.0), Stream.PERSONAL, letter)
    for owners in (False, True):
        texts = Texts().add(letter, recipients=25, owners=owners, now=NOW)
        assert may_go(replace(waiting(), texts=texts), first, NOW + 60, policy) is owners


def elsewhere(recipients: float) -> Profile:
    return Profile(counters=Counters(updated_at=NOW), lately=Lately(NOW, elsewhere=recipients))


def test_the_first_letters_from_a_new_telephone_do_not_wait_for_the_owners_mailing(policy: Policy) -> None:
    mailing = groups(bulk=5.0, client=2.5)
    assert not on_hold(elsewhere(1), doubts(elsewhere(1), mailing), NOW, policy)
    assert on_hold(elsewhere(6), doubts(elsewhere(6), mailing), NOW, policy)


@given(st.floats(-0.7, 8.0), st.floats(-0.7, 8.0), st.floats(-0.7, 6.0), st.floats(0.0, 8.0), st.floats(0.0, 20.0))
def test_doubts_are_never_more_than_the_evidence_and_only_the_client_can_be_left_out(
    bulk: float, client: float, text: float, campaign: float, recipients: float
) -> None:
    evidence = groups(bulk, client, text, campaign)
    left = doubts(elsewhere(recipients), evidence)
    assert sum(one.nats for one in left) <= sum(one.nats for one in evidence) + 1e-9
    if recipients > FEW_ELSEWHERE or text >= 1.0 or campaign >= 1.0:
        assert tuple(left) == evidence
    assert {one.group for one in evidence} - {one.group for one in left} <= {Group.CLIENT}


TASTELESS = {"bulk": 8.0, "text": 2.9, "client": -0.7}


def test_of_a_large_letter_that_reads_badly_one_message_goes_in_each_probation_until_there_are_answers(
    policy: Policy,
) -> None:
    profile = waiting()
    assert not may_go(profile, message(**TASTELESS), NOW + PROBATION, policy)
    assert not may_probe(profile, message(**TASTELESS), NOW + PROBATION - 1, policy)
    assert may_probe(profile, message(**TASTELESS), NOW + PROBATION, policy)
    profile = probed(profile, 40, NOW + PROBATION)
    assert not may_probe(profile, message(**TASTELESS), NOW + 2 * PROBATION - 1, policy)
    assert may_probe(profile, message(**TASTELESS), NOW + 2 * PROBATION, policy)
    assert not may_probe(probed(profile, 40, NOW + 2 * PROBATION), message(**TASTELESS), NOW + 3 * PROBATION, policy)


@given(st.integers(min_value=1, max_value=200), st.floats(min_value=PROBATION, max_value=DAY))
def test_a_thief_gains_few_recipients_by_probes(policy: Policy, each: int, every: float) -> None:
    profile, gained, now = waiting(), 0, NOW
    while now < NOW + DAY:
        now += every
        if may_probe(profile, message(**TASTELESS), now, policy):
            profile, gained = probed(profile, each, now), gained + each
    assert gained <= 2 * MOST_PROBED + each


def test_nothing_goes_as_a_probe_from_a_new_place_or_after_bad_answers_or_for_two_bad_texts(policy: Policy) -> None:
    later = NOW + PROBATION
    assert not may_probe(waiting(), message(bulk=8.0, text=2.9, client=1.0), later, policy)
    assert not may_probe(waiting(), message(bulk=8.0, text=3.5, client=-0.7), later, policy)
    assert not may_probe(waiting(), message(bulk=8.0, campaign=1.0, client=-0.7), later, policy)
    assert not may_probe(waiting(answered=20, refused=6), message(**TASTELESS), later, policy)
    assert not may_probe(writing_to(2 * MOST_STRANGERS, GROWN_UP), message(**TASTELESS), later, policy)


def test_doubts_that_are_settled_leave_no_narrow_window_but_a_probation_that_was_served_does(policy: Policy) -> None:
    profile = waiting()
    narrow = replace(profile, window=profile.window.narrow(NOW))
    assert relieved(narrow, message(bulk=policy.hold_score - RELEASE_BELOW - 0.1), NOW, policy) == profile
    assert relieved(narrow, message(bulk=8.0), NOW + PROBATION, policy) == narrow
