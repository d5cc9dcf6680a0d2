"""What is learned of mail that passed: results, complaints, and who writes to the account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.address import Address
from detector.mail.causes import cause_of
from detector.mail.delivery import Delivery, DeliveryStatus
from detector.mail.status_codes import BY_DETAIL, Cause
from detector.mail.transaction import RecipientStatus, Stream
from detector.traffic.clock import DAY
from detector.traffic.counting import is_known
from detector.traffic.features import ANSWERS, Measure
from detector.traffic.profile import Profile
from detector.verdict.admit import admit, settle
from detector.verdict.answer import Kind, answer_of
from detector.verdict.feedback import weigh_feedback
from detector.verdict.learn import Result, Told, learn_complaint, learn_correspondent, learn_result, result_of
from detector.verdict.policy import Policy
from tests.histories import transaction

NOW = 20_000 * DAY
PERSONAL, AUTOMATIC = Stream.PERSONAL, Stream.AUTOMATIC
results = st.sampled_from(Result)


def answer(profile: Profile, measure: Measure, stream: Stream = PERSONAL) -> float:
    place = next(n for n, one in enumerate(ANSWERS) if one.measure is measure and one.stream is stream)
    assert profile.today.answers[place] == profile.counters.answers[place]
    return profile.counters.answers[place]


def delivered(policy: Policy, count: int = 10) -> Profile:
    """An account that has just written to so many strangers."""
    names = [(f"user{number}@d{number}.example", RecipientStatus.ACCEPTED) for number in range(count)]
    profile, one = Profile(), transaction(1, names)
    for recipient in one.recipients:
        profile, _ = admit(profile, recipient.address, NOW, policy)
    return settle(profile, one, True, NOW, policy)


@pytest.mark.parametrize(("status", "result"), [
    ("2.0.0", Result.DELIVERED), ("2.1.5", Result.DELIVERED),
    ("5.1.1", Result.REFUSED), ("5.2.1", Result.REFUSED), ("550", Result.REFUSED),
    ("5.7.1", Result.UNWANTED), ("5.7.26", Result.UNWANTED), ("5.4.4", Result.REFUSED), ("5.1.8", Result.UNWANTED),
    ("4.2.2", None), ("4.7.1", None), ("5.7.25", None), ("5.7.8", None), ("5.3.4", None), ("", None), ("x", None),
])  # fmt: skip
def test_a_status_is_a_result_when_it_is_final_and_about_the_recipient_or_the_mail(
    status: str, result: Result | None
) -> None:
    assert result_of(status) is result


@pytest.mark.parametrize("detail", BY_DETAIL)
def test_a_status_alone_says_what_the_same_failure_says_in_the_log(detail: str) -> None:
    cause = cause_of("", f"5.{detail}")
    blocked = cause in {Cause.POLICY, Cause.REPUTATION}
    status = DeliveryStatus.BLOCKED if blocked else DeliveryStatus.BOUNCED
    found = answer_of(Delivery("ann", "t1", b"8octets1", status, "", "", cause, NOW, "log", b"key"))
    result = result_of(f"5.{detail}")
    assert (found.kind.value if found and found.kind is not Kind.ADDRESS else None) == (
        result.value if result else None
    )


@given(st.text(max_size=8))
def test_any_status_is_some_result_or_none(status: str) -> None:
    assert result_of(status) in {*Result, None}


def test_a_bad_result_is_no_second_answer(policy: Policy) -> None:
    """The recipient was counted as answered when the message was delivered."""
    profile = delivered(policy)
    profile = learn_result(profile, Told(PERSONAL, Result.REFUSED, True), NOW, policy)
    profile = learn_result(profile, Told(PERSONAL, Result.UNWANTED, True), NOW, policy)
    assert answer(profile, Measure.ANSWERED) == 10.0
    assert answer(profile, Measure.REFUSED) == answer(profile, Measure.UNWANTED) == 1.0


def test_a_good_result_frees_its_place_and_counts_nothing(policy: Policy) -> None:
    profile = delivered(policy)
    after = learn_result(profile, Told(PERSONAL, Result.DELIVERED, True), NOW, policy)
    assert after.counters == profile.counters
    assert after.today == profile.today
    assert after.window.in_flight == profile.window.in_flight - 1
    assert after.window.size(policy.window) > profile.window.size(policy.window)


@given(st.lists(results, max_size=10))
def test_results_of_known_recipients_say_nothing(policy: Policy, told: list[Result]) -> None:
    profile = delivered(policy)
    for result in told:
        after = learn_result(profile, Told(PERSONAL, result, False), NOW, policy)
        assert after == profile
        profile = after


@given(st.lists(st.tuples(results, st.booleans(), st.sampled_from(Stream)), max_size=15))
def test_each_result_of_a_stranger_is_counted_once_and_in_its_stream(
    policy: Policy, told: list[tuple[Result, bool, Stream]]
) -> None:
    profile = delivered(policy)
    for result, first_time, stream in told:
        profile = learn_result(profile, Told(stream, result, first_time), NOW, policy)
    for stream in Stream:
        mine = [result for result, first_time, which in told if first_time and which is stream]
        assert answer(profile, Measure.REFUSED, stream) == mine.count(Result.REFUSED)
        assert answer(profile, Measure.UNWANTED, stream) == mine.count(Result.UNWANTED)


def test_bounces_are_evidence(policy: Policy) -> None:
    profile = delivered(policy)
    before = weigh_feedback(profile, PERSONAL, policy.prior).nats
    for _ in range(5):
        profile = learn_result(profile, Told(PERSONAL, Result.REFUSED, True), NOW + 60.0, policy)
    assert before <= 0.0
    assert weigh_feedback(profile, PERSONAL, policy.prior).nats > 1.0


def test_a_result_that_comes_the_next_day_is_one_of_that_day(policy: Policy) -> None:
    profile = learn_result(delivered(policy), Told(PERSONAL, Result.REFUSED, True), NOW + DAY, policy)
    assert profile.today.day == NOW // DAY + 1
    assert sum(profile.today.answers) == 1


def test_a_complaint_is_as_telling_as_a_server_that_turns_the_mail_away(policy: Policy) -> None:
    profile = delivered(policy)
    complained = learn_complaint(profile, PERSONAL, NOW)
    turned_away = learn_result(profile, Told(PERSONAL, Result.UNWANTED, True), NOW, policy)
    assert (complained.counters, complained.today) == (turned_away.counters, turned_away.today)
    assert answer(complained, Measure.UNWANTED) == 1.0


def test_who_wrote_to_the_account_is_no_stranger_to_it(policy: Policy) -> None:
    friend = Address("friend", "a.example")
    profile = learn_correspondent(Profile(), friend, policy)
    assert is_known(profile, friend, policy.recipient_key)
    assert not is_known(Profile(), friend, policy.recipient_key)


def test_a_bounce_has_no_sender_to_remember(policy: Policy) -> None:
    profile = Profile()
    assert learn_correspondent(profile, Address.parse(""), policy) is profile
