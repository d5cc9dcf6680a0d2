"""What comes back after mail has passed: which answer it is, when two are one, and what a profile learns of it."""

import pytest

from detector.mail.address import Address
from detector.mail.delivery import Complained, Delivery, DeliveryStatus
from detector.mail.status_codes import Cause
from detector.mail.transaction import RecipientStatus, Stream
from detector.traffic.clock import DAY
from detector.traffic.counting import complainer
from detector.traffic.profile import Profile
from detector.verdict.admit import settle
from detector.verdict.answer import Answer, Kind, answer_of, answer_of_complaint, learn_answer
from detector.verdict.judge import judge
from detector.verdict.learn import Result, Told, learn_result
from detector.verdict.policy import Policy
from tests.histories import transaction

NOW = 20_000 * DAY
BOB = b"8octets1"


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
    (DeliveryStatus.DEFERRED, Cause.POLICY, None),
    (DeliveryStatus.DEFERRED, Cause.TEMPORARY, None),
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
    assert by_log.marks == by_bounce.marks
    marks = {answer(kind).marks for kind in (Kind.DELIVERED, Kind.REFUSED, Kind.COMPLAINT, Kind.ADDRESS)}
    assert len(marks) == 4
    assert answer(Kind.REFUSED, recipient=b"8octets2").marks != by_log.marks


def test_a_weak_answer_is_known_by_a_better_one_and_does_not_hide_it() -> None:
    weak, sure = answer(Kind.REFUSED, weak=True), answer(Kind.REFUSED)
    assert sure.marks[0] in weak.marks
    assert weak.marks[0] not in sure.marks


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
