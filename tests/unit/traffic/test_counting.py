"""Each recipient of a message is counted once, however the message arrives."""

import pytest

from detector.mail.transaction import RecipientStatus, Stream
from detector.traffic.counting import is_refused, origin_of
from detector.traffic.profile import Profile
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from tests.histories import transaction

ACCEPTED, REFUSED = RecipientStatus.ACCEPTED, RecipientStatus.REFUSED
PACED, DEFERRED = RecipientStatus.PACED, RecipientStatus.DEFERRED
NOW = 1.8e9


def recipients(profile: Profile) -> float:
    return profile.counters.features[0]


def test_a_retry_is_not_counted_again(policy: Policy) -> None:
    once, _ = judge(Profile(), transaction(1), NOW, policy)
    twice, _ = judge(once, transaction(1), NOW, policy)
    assert twice == once
    assert recipients(once) == 1.0


def test_the_parts_of_one_message_are_counted_as_one(policy: Policy) -> None:
    everybody = [(f"user{number}@a.example", ACCEPTED) for number in range(60)]
    parts, _ = judge(Profile(), transaction(1, everybody[:50]), NOW, policy)
    parts, _ = judge(parts, transaction(1, everybody[50:]), NOW, policy)
    whole, _ = judge(Profile(), transaction(1, everybody), NOW, policy)
    assert parts.counters == whole.counters
    assert recipients(parts) == 60.0


def test_a_recipient_named_twice_counts_once(policy: Policy) -> None:
    profile, _ = judge(Profile(), transaction(1, [("a@a.example", ACCEPTED), ("A@A.example", ACCEPTED)]), NOW, policy)
    assert recipients(profile) == 1.0


def test_a_paced_recipient_is_asked_for_once_and_answered_later(policy: Policy) -> None:
    profile, _ = judge(Profile(), transaction(1, [("a@a.example", PACED)]), NOW, policy)
    assert recipients(profile) == 1.0
    assert profile.counters.answers[:2] == (0.0, 0.0)
    profile, _ = judge(profile, transaction(1, [("a@a.example", REFUSED)]), NOW, policy)
    assert recipients(profile) == 1.0
    assert profile.counters.answers[:2] == (1.0, 1.0)


def test_a_deferred_recipient_says_nothing_about_the_list(policy: Policy) -> None:
    profile, verdict = judge(Profile(), transaction(1, [("a@a.example", DEFERRED)]), NOW, policy)
    assert profile.counters.answers[:2] == (0.0, 0.0)
    assert verdict.groups[1].nats == 0.0


@pytest.mark.parametrize(("reply", "refused"), [
    ("5.1.1", True), ("5.2.1", True), ("5.7.1", True), ("550", True), ("554", True), ("", True),
    ("5.3.4", False), ("5.5.1", False), ("503", False), ("552", False),
])  # fmt: skip
def test_only_what_is_said_about_the_recipient_counts_as_refused(reply: str, refused: bool) -> None:
    assert is_refused(transaction(1, [("a@a.example", REFUSED)], reply=reply).recipients[0]) is refused


def test_automatic_mail_has_no_origin() -> None:
    assert origin_of(transaction(1, stream=Stream.AUTOMATIC), b"key") == (0, 0)
    assert origin_of(transaction(1, client="unknown", mail_from=""), b"key") == (0, 0)
    assert all(origin_of(transaction(1), b"key"))


def test_automatic_mail_leaves_the_personal_counters_alone(policy: Policy) -> None:
    profile, _ = judge(Profile(), transaction(1, stream=Stream.AUTOMATIC), NOW, policy)
    assert profile.counters.features == (0.0,) * 6 + (1.0, 1.0)
