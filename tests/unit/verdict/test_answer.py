"""What comes back after mail has passed: which answer it is, when two are one, and what a profile learns of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.address import Address
from detector.mail.delivery import Complained, Delivery, DeliveryStatus
from detector.mail.status_codes import Cause
from detector.mail.transaction import RecipientStatus, Stream
from detector.traffic.clock import DAY
from detector.traffic.counting import complainer
from detector.traffic.features import ANSWERS
from detector.traffic.profile import Profile
from detector.verdict.admit import settle
from detector.verdict.answer import BAD, Answer, Kind, Share, answer_of, answer_of_complaint, learn_answer, news
from detector.verdict.judge import judge
from detector.verdict.learn import Result, Told, learn_result
from detector.verdict.policy import Policy
from tests.histories import transaction

NOW = 20_000 * DAY
BOB = b"8octets1"
NAMES = [counter.name for counter in ANSWERS]
WITH_EVIDENCE = {Share.ALL, Share.EVIDENCE}


def delivery(status: DeliveryStatus, cause: Cause | None = None, first_time: bool = True) -> Delivery:
    return Delivery("ann", "t1", BOB, status, "", "", cause, NOW, "log", b"key", first_time=first_time)


def answer(kind: Kind, weak: bool = False, recipient: bytes = BOB) -> Answer:
    return Answer("ann", "t1", recipient, kind, NOW, first_time=True, weak=weak)


def sent(policy: Policy, count: int = 10) -> Profile:
    names = [(f"user{number}@d{number}.example", RecipientStatus.ACCEPTED) for number in range(count)]
    return settle(Profile(), transaction(1, names), True, NOW, policy)


@pytest.mark.parametrize(("status", "cause", "kind"), [
    (DeliveryStatus.DELIVERED, None, Kind.DELIVERED),
    (DeliveryStatus.BOUNCED, Cause.NO_SUCH_USER, Kind.REFUSED),
    (DeliveryStatus.BOUNCED, Cause.MAILBOX_FULL, Kind.REFUSED),
    (DeliveryStatus.BLOCKED, Cause.POLICY, Kind.UNWANTED),
    (DeliveryStatus.BLOCKED, Cause.REPUTATION, Kind.ADDRESS),
    (DeliveryStatus.DEFERRED, Cause.REPUTATION, Kind.ADDRESS),
    (DeliveryStatus.DEFERRED, Cause.POLICY, Kind.SLOWED),
    (DeliveryStatus.DEFERRED, Cause.TEMPORARY, Kind.DEFERRED),
    (DeliveryStatus.DEFERRED, Cause.MAILBOX_FULL, Kind.DEFERRED),
    (DeliveryStatus.BOUNCED, Cause.OTHER, None),
    (DeliveryStatus.BOUNCED, Cause.TEMPORARY, None),
    (DeliveryStatus.BOUNCED, None, None),
])  # fmt: skip
def test_what_a_delivery_answers(status: DeliveryStatus, cause: Cause | None, kind: Kind | None) -> None:
    found = answer_of(delivery(status, cause))
    assert (found.kind if found else None) == kind


def test_that_a_friend_got_his_mail_is_no_news() -> None:
    assert answer_of(delivery(DeliveryStatus.DELIVERED, first_time=False)) is None
    assert answer_of(delivery(DeliveryStatus.BOUNCED, Cause.NO_SUCH_USER, first_time=False)) is not None


def test_the_log_and_the_bounce_of_one_failure_are_one_answer() -> None:
    by_log, by_bounce = answer(Kind.REFUSED), Answer("ann", "t1", BOB, Kind.UNWANTED, NOW + 60)
    assert by_log.mark == by_bounce.mark
    marks = {answer(kind).mark for kind in Kind if kind is not Kind.UNWANTED}
    assert len(marks) == len(Kind) - 1
    assert answer(Kind.REFUSED, recipient=b"8octets2").mark != by_log.mark


def told(*answers: Answer) -> list[Share | None]:
    """What of each is to be learned, one after the other."""
    known: set[bytes] = set()
    shares: list[Share | None] = []
    for one in answers:
        found = news(one, known.__contains__)
        shares.append(found.answer.share if found else None)
        known.update(found.marks if found else ())
    return shares


def test_a_weak_answer_is_known_by_a_better_one_and_hides_nothing_of_it() -> None:
    weak, sure = answer(Kind.REFUSED, weak=True), answer(Kind.REFUSED)
    assert told(sure, weak) == [Share.ALL, None]
    assert told(weak, weak, sure, sure) == [Share.SLOWS, None, Share.EVIDENCE, None]


def reported(kind: Kind, recipient: int, transaction_id: str = "t1") -> Answer:
    return replace(answer(kind, recipient=b"octets %d" % recipient), transaction_id=transaction_id, reported=True)


def test_of_a_transaction_one_report_is_evidence_whomever_it_names() -> None:
    of_one = [reported(Kind.REFUSED, number) for number in range(3)]
    complaint = reported(Kind.COMPLAINT, 9)
    assert told(*of_one, complaint, *of_one) == [Share.ALL, *[Share.SLOWS] * 2, Share.ALL, *[None] * 3]
    assert told(reported(Kind.REFUSED, 1), reported(Kind.REFUSED, 2, "t2")) == [Share.ALL, Share.ALL]


def test_our_own_server_tells_the_rest_of_what_was_only_reported_before() -> None:
    by_log = [replace(reported(Kind.UNWANTED, number), reported=False) for number in range(3)]
    reports = [reported(Kind.REFUSED, number) for number in range(2)]
    assert told(*reports, *by_log) == [Share.ALL, Share.SLOWS, None, Share.EVIDENCE, Share.ALL]
    assert told(*by_log, *reports) == [*[Share.ALL] * 3, None, None]


def test_a_report_that_does_no_harm_takes_no_voice_from_one_that_does() -> None:
    for harmless in (Kind.ADDRESS, Kind.DEFERRED, Kind.SLOWED):
        assert told(reported(harmless, 1), reported(Kind.REFUSED, 2)) == [Share.ALL, Share.ALL]


def test_a_thief_cannot_spend_the_voice_on_a_mailbox_of_his_own_that_he_wrote_to_before() -> None:
    own = replace(reported(Kind.REFUSED, 1), first_time=False)
    assert told(own, own, reported(Kind.REFUSED, 2), reported(Kind.REFUSED, 3)) == [
        Share.SLOWS, None, Share.ALL, Share.SLOWS,
    ]  # fmt: skip
    assert told(own, replace(own, reported=False)) == [Share.SLOWS, Share.EVIDENCE]


def test_one_person_complains_once_a_day_however_many_letters_he_got() -> None:
    letters = [reported(Kind.COMPLAINT, 1, f"t{number}") for number in range(3)]
    assert told(*letters, reported(Kind.COMPLAINT, 2, "t1")) == [Share.ALL, Share.SLOWS, Share.SLOWS, Share.ALL]
    tomorrow, of_another = replace(letters[1], at=NOW + DAY), replace(letters[2], account="bea")
    assert told(letters[0], tomorrow, of_another) == [Share.ALL, Share.ALL, Share.ALL]


def test_complaints_that_name_nobody_may_all_be_one_persons() -> None:
    unnamed = [replace(reported(Kind.COMPLAINT, 1, f"t{number}"), recipient=b"") for number in range(3)]
    named = reported(Kind.COMPLAINT, 1, "t4")
    assert told(*unnamed, named) == [Share.ALL, Share.SLOWS, Share.SLOWS, Share.ALL]
    tomorrow, of_another = replace(unnamed[1], at=NOW + DAY), replace(unnamed[2], account="bea")
    assert told(unnamed[0], tomorrow, of_another) == [Share.ALL, Share.ALL, Share.ALL]


def test_a_complaint_that_names_nobody_is_no_news_after_another_about_the_same_message() -> None:
    named, unnamed = reported(Kind.COMPLAINT, 1), replace(reported(Kind.COMPLAINT, 1), recipient=b"")
    assert told(named, unnamed) == [Share.ALL, None]
    assert told(unnamed, unnamed, named) == [Share.ALL, None, Share.SLOWS]
    assert told(named, replace(unnamed, weak=True)) == [Share.ALL, None]
    assert told(replace(unnamed, weak=True), unnamed) == [Share.SLOWS, Share.EVIDENCE]


things = st.lists(
    st.builds(
        Answer,
        st.just("ann"),
        st.sampled_from(["t1", "t2"]),
        st.sampled_from([b"", b"octets 1", b"octets 2"]),
        st.sampled_from(Kind),
        st.just(NOW),
        first_time=st.just(True),
        weak=st.booleans(),
        reported=st.booleans(),
    ),
    max_size=12,
)


@given(things)
def test_whatever_is_forged_first_what_our_own_servers_tell_is_counted_in_full_but_for_one_report_each(
    answers: list[Answer],
) -> None:
    sure = list({one.mark: one for one in answers if not one.weak and not one.reported}.values())
    forged = [one for one in answers if one.weak or one.reported]
    shares = told(*forged, *sure)
    evidence = [one for one, share in zip((*forged, *sure), shares, strict=True) if share in WITH_EVIDENCE]
    by_reports = [one for one in evidence if one.reported]
    assert {one.mark for one in evidence} >= {one.mark for one in sure}
    bad = [one for one in by_reports if one.kind in BAD]
    assert len(bad) == len({(one.transaction_id, one.kind is Kind.COMPLAINT) for one in bad})
    people = [one.recipient for one in bad if one.kind is Kind.COMPLAINT]
    assert len(people) == len(set(people))


@given(things)
def test_window_and_reputation_learn_each_thing_once(answers: list[Answer]) -> None:
    shares = told(*answers)
    slowing = [one.mark for one, share in zip(answers, shares, strict=True) if share in {Share.ALL, Share.SLOWS}]
    assert len(slowing) == len(set(slowing))


def test_what_was_slowed_down_is_a_little_evidence_and_convicts_nobody(policy: Policy) -> None:
    profile = sent(policy, 100)
    learned = learn_answer(profile, answer(Kind.SLOWED), policy)
    unwanted = learned.counters.answers[NAMES.index("unwanted_24h")]
    assert (unwanted, learned.doubtful.slowed, learned.today.answers) == (0.1, 0.1, profile.today.answers)
    assert (learned.reputation.deferred, learned.reputation.bounced, learned.window) == (1, 0, profile.window)
    assert learn_answer(profile, replace(answer(Kind.SLOWED), first_time=False), policy).counters == profile.counters


def test_greylisting_is_no_evidence_and_is_kept_in_mind(policy: Policy) -> None:
    profile = sent(policy)
    learned = learn_answer(profile, answer(Kind.DEFERRED), policy)
    assert replace(learned, reputation=profile.reputation) == profile
    assert learned.reputation.deferred == 1
    assert (
        len(
            {
                answer_of(delivery(DeliveryStatus.DEFERRED, Cause.TEMPORARY)),
                answer_of(delivery(DeliveryStatus.DEFERRED, None)),
            }
        )
        == 1
    )


def test_an_answer_teaches_what_the_replay_learns_of_it(policy: Policy) -> None:
    profile = sent(policy)
    for kind, result in (
        (Kind.DELIVERED, Result.DELIVERED),
        (Kind.REFUSED, Result.REFUSED),
        (Kind.UNWANTED, Result.UNWANTED),
    ):
        learned = learn_answer(profile, answer(kind), policy)
        replayed = learn_result(profile, Told(Stream.PERSONAL, result, True), NOW, policy)
        assert (learned.counters, learned.today, learned.window) == (replayed.counters, replayed.today, replayed.window)


def test_reputation_counts_all_that_bounced_and_was_complained_of(policy: Policy) -> None:
    profile = sent(policy)
    for kind in (Kind.DELIVERED, Kind.REFUSED, Kind.UNWANTED, Kind.COMPLAINT, Kind.ADDRESS):
        profile = learn_answer(profile, answer(kind), policy)
    assert (profile.reputation.sent, profile.reputation.bounced, profile.reputation.complained) == (10, 2, 1)


def test_a_block_of_our_address_is_not_held_against_the_account(policy: Policy) -> None:
    profile = sent(policy)
    assert learn_answer(profile, answer(Kind.ADDRESS), policy) is profile


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.UNWANTED, Kind.COMPLAINT])
def test_a_weak_answer_slows_the_account_down_and_never_blocks_it(policy: Policy, kind: Kind) -> None:
    profile = sent(policy)
    learned = learn_answer(profile, answer(kind, weak=True), policy)
    assert (learned.counters, learned.today) == (profile.counters, profile.today)
    assert learned.reputation != profile.reputation
    assert (learned.window.refused > 0) == (kind is not Kind.COMPLAINT)


def test_weak_complaints_do_not_make_later_mail_to_those_people_evidence(policy: Policy) -> None:
    circle = [(f"user{number}@d{number}.example", RecipientStatus.ACCEPTED) for number in range(5)]
    profile = framed = sent(policy)
    for name, _ in circle:
        complaint = Complained("ann", "t1", complainer(Address.parse(name), policy.recipient_key), NOW, weak=True)
        framed = learn_answer(framed, answer_of_complaint(complaint), policy)
    mail = transaction(2, circle)
    assert judge(framed, mail, NOW + 60, policy)[1] == judge(profile, mail, NOW + 60, policy)[1]


def test_mail_to_who_complained_is_evidence_once_for_each_message(policy: Policy) -> None:
    mail = transaction(2, [("bob@a.example", RecipientStatus.ACCEPTED)])
    bob = complainer(mail.recipients[0].address, policy.recipient_key)
    complaint = Complained("ann", "t1", bob, NOW)
    profile = learn_answer(sent(policy), answer_of_complaint(complaint), policy)
    again, verdict = judge(profile, mail, NOW + 60, policy)
    assert "to_complainers_24h" in {one.signal for group in verdict.groups for one in group.evidence}
    retried, _ = judge(again, mail, NOW + 120, policy)
    assert again.complainers.again == 1.0
    assert 0.99 < retried.complainers.at(NOW + 120).again < 1.01
    other, _ = judge(profile, transaction(3), NOW + 60, policy)
    assert other.complainers.again == 0.0


def test_a_complaint_that_names_nobody_lists_nobody(policy: Policy) -> None:
    learned = learn_answer(sent(policy), answer(Kind.COMPLAINT, recipient=b""), policy)
    assert not learned.complainers
    assert learned.reputation.complained == 1.0
