"""Each recipient of a message is counted once, however the message arrives."""

from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.content import Content
from detector.mail.transaction import RecipientStatus, Stream
from detector.traffic.clock import DAY
from detector.traffic.counting import complainer, count, is_refused, is_unwanted, meet, origin_of
from detector.traffic.features import ANSWERS, FEATURES
from detector.traffic.profile import Profile
from detector.traffic.reached import MOST_EXACT
from detector.verdict.admit import settle
from detector.verdict.judge import judge
from detector.verdict.learn import learn_complaint
from detector.verdict.policy import Policy
from tests.histories import transaction

ACCEPTED, REFUSED = RecipientStatus.ACCEPTED, RecipientStatus.REFUSED
PACED, DEFERRED = RecipientStatus.PACED, RecipientStatus.DEFERRED
NOW = 1.8e9
MIDNIGHT = 20_000 * DAY
FEW_PERCENT = 0.05  # many different recipients are counted by bits


def recipients(profile: Profile) -> float:
    return profile.counters.features[0]


def feature(profile: Profile, name: str) -> float:
    return profile.counters.features[[one.name for one in FEATURES].index(name)]


def answers(profile: Profile) -> dict[str, float]:
    """The answers to personal mail, by the first word of the counter."""
    named = zip([one.name for one in ANSWERS], profile.counters.answers, strict=True)
    return {name.removesuffix("_24h"): value for name, value in named if not name.startswith("automatic")}


def test_a_retry_is_not_counted_again(policy: Policy) -> None:
    once, _ = judge(Profile(), transaction(1), NOW, policy)
    twice, _ = judge(once, transaction(1), NOW, policy)
    assert twice == once
    assert twice.run.to_strangers == 1
    assert recipients(once) == 1.0


def test_the_parts_of_one_message_are_counted_as_one(policy: Policy) -> None:
    everybody = [(f"user{number}@a.example", ACCEPTED) for number in range(60)]
    parts, _ = judge(Profile(), transaction(1, everybody[:50]), NOW, policy)
    parts, _ = judge(parts, transaction(1, everybody[50:]), NOW, policy)
    whole, _ = judge(Profile(), transaction(1, everybody), NOW, policy)
    assert parts.counters.features == pytest.approx(whole.counters.features)
    assert parts.counters.answers == whole.counters.answers
    assert parts.run == whole.run
    assert feature(parts, "new_recipients_24h") == 60.0


def test_a_recipient_named_twice_counts_once(policy: Policy) -> None:
    profile, _ = judge(Profile(), transaction(1, [("a@a.example", ACCEPTED), ("A@A.example", ACCEPTED)]), NOW, policy)
    assert recipients(profile) == 1.0


def test_a_paced_recipient_is_asked_for_once_and_answered_later(policy: Policy) -> None:
    profile, _ = judge(Profile(), transaction(1, [("a@a.example", PACED)]), NOW, policy)
    assert recipients(profile) == 1.0
    assert answers(profile) == {"answered": 0.0, "refused": 0.0, "unwanted": 0.0}
    profile, _ = judge(profile, transaction(1, [("a@a.example", REFUSED)]), NOW, policy)
    assert recipients(profile) == 1.0
    assert answers(profile) == {"answered": 1.0, "refused": 1.0, "unwanted": 0.0}


def test_a_recipient_that_was_accepted_is_an_answer_once_the_message_was_delivered(policy: Policy) -> None:
    """An account whose mail waits must not look better by it."""
    one = transaction(1, [("a@a.example", ACCEPTED), ("b@a.example", REFUSED)])
    profile, _ = judge(Profile(), one, NOW, policy)
    assert answers(profile)["answered"] == 1.0
    assert answers(settle(profile, one, False, NOW, policy))["answered"] == 1.0
    assert answers(settle(profile, one, True, NOW, policy)) == {"answered": 2.0, "refused": 1.0, "unwanted": 0.0}


def test_mail_that_a_server_does_not_want_is_told_from_addresses_that_do_not_exist(policy: Policy) -> None:
    one = transaction(1, [("a@a.example", REFUSED)], reply="5.7.1")
    profile, _ = judge(Profile(), one, NOW, policy)
    assert answers(profile) == {"answered": 1.0, "refused": 0.0, "unwanted": 1.0}


def test_a_hundred_letters_to_a_friend_are_no_bulk_mail(policy: Policy) -> None:
    friend = [("friend@a.example", ACCEPTED)]
    profile = settle(Profile(), transaction(0, friend), True, NOW, policy)
    for number in range(100):
        profile, _ = judge(profile, transaction(number, friend), NOW, policy)
    assert recipients(profile) == 1.0
    profile, _ = judge(profile, transaction(100, [("friend@a.example", ACCEPTED)]), NOW + DAY, policy)
    assert recipients(profile) == pytest.approx(1.0)


def test_who_complained_and_goes_on_with_the_conversation_is_one_opinion(policy: Policy) -> None:
    names = [(f"customer{number}@x.example", ACCEPTED) for number in range(3)]
    first = transaction(1, names)
    profile = Profile()
    for recipient in first.recipients[:2]:
        profile = learn_complaint(profile, Stream.PERSONAL, NOW, complainer(recipient.address, policy.recipient_key))
    for number in range(2, 6):
        profile, _ = judge(profile, transaction(number, names), NOW, policy)
    assert profile.complainers.again == pytest.approx(2.0)


def test_hundreds_of_recipients_are_counted_within_a_few_percent(policy: Policy) -> None:
    profile = Profile()
    for number in range(10):
        names = [(f"user{number}.{one}@d{one}.example", ACCEPTED) for one in range(20)]
        profile, _ = judge(profile, transaction(number, names), NOW, policy)
    assert recipients(profile) == pytest.approx(200.0, rel=FEW_PERCENT)
    assert feature(profile, "new_recipients_10m") == recipients(profile)
    assert feature(profile, "domains_1d") == pytest.approx(20.0, rel=0.2)


def test_hundreds_of_held_messages_that_are_tried_again_on_two_days_are_counted_once(policy: Policy) -> None:
    """Each hour all of them: many more than messages can be remembered."""
    profile = Profile()
    for hour in range(30):
        for number in range(300):
            one = transaction(number, [(f"user{number}@d{number % 9}.example", ACCEPTED)])
            profile, _ = judge(profile, one, MIDNIGHT - 8 * 3600 + hour * 3600, policy)
    assert feature(profile, "new_recipients_7d") == pytest.approx(300.0 * 0.5 ** (30.0 / 168.0), rel=0.1)
    assert profile.run.to_strangers == pytest.approx(300, abs=30)


def test_a_deferred_letter_to_friends_is_the_same_letter_on_the_next_day(policy: Policy) -> None:
    friends = [(f"friend{number}@a.example", ACCEPTED) for number in range(20)]
    profile = settle(Profile(), transaction(1, friends), True, MIDNIGHT - DAY, policy)
    profile, _ = judge(profile, transaction(2, friends), MIDNIGHT - 60.0, policy)
    again, _ = judge(profile, transaction(2, friends), MIDNIGHT + 60.0, policy)
    third, _ = judge(again, transaction(2, friends), MIDNIGHT + DAY, policy)
    assert recipients(again) < recipients(profile) == 20.0
    assert recipients(third) < recipients(again)
    another, _ = judge(again, transaction(3, friends), MIDNIGHT + 120.0, policy)
    assert recipients(another) == pytest.approx(recipients(again), rel=0.1)  # these friends were written to today


def test_another_letter_to_friends_counts_on_the_next_day(policy: Policy) -> None:
    friends = [(f"friend{number}@a.example", ACCEPTED) for number in range(20)]
    profile = settle(Profile(), transaction(1, friends), True, MIDNIGHT - DAY, policy)
    profile, _ = judge(profile, transaction(2, friends), MIDNIGHT - 12 * 3600, policy)
    profile, _ = judge(profile, transaction(3, friends[:10]), MIDNIGHT + 60.0, policy)
    profile, _ = judge(profile, transaction(3, friends[10:]), MIDNIGHT + 61.0, policy)
    assert recipients(profile) == pytest.approx(20.0, rel=0.01)


def test_a_refusal_is_heard_once_however_often_it_is_asked_for(policy: Policy) -> None:
    one = transaction(1, [("a@a.example", REFUSED), ("b@a.example", ACCEPTED)])
    profile = Profile()
    for day in range(3):
        profile, _ = judge(profile, one, MIDNIGHT + day * DAY, policy)
    assert answers(profile)["refused"] == pytest.approx(0.25)


@pytest.mark.parametrize("number", [1, 10, 60, 100, MOST_EXACT])
def test_the_recipients_of_a_small_day_are_counted_exactly(number: int) -> None:
    profile = text_to(1, [f"user{one}@a.example" for one in range(number)])
    assert abs(recipients(profile) - number) <= 1.0


def test_nobody_without_the_key_can_choose_recipients_or_domains_that_are_counted_as_one() -> None:
    one = transaction(1, [(f"user{number}@d{number}.example", ACCEPTED) for number in range(10)])
    days = [count(Profile(), one, meet(Profile(), one, key), NOW, key).today for key in (b"key", b"another")]
    assert days[0].domains != days[1].domains
    assert days[0].reached != days[1].reached


def test_answers_of_friends_do_not_count(policy: Policy) -> None:
    friends = [("friend@a.example", ACCEPTED)]
    known = settle(Profile(), transaction(1, friends), True, NOW, policy)
    profile, _ = judge(known, transaction(2, [("friend@a.example", REFUSED)]), NOW, policy)
    assert answers(profile) == answers(known)


def text_to(number: int, names: list[str], text: int = 7) -> Profile:
    return count_one(Profile(), number, names, text)


def count_one(profile: Profile, number: int, names: list[str], text: int = 7) -> Profile:
    one = transaction(number, [(name, ACCEPTED) for name in names], content=Content(text, (text, text + 1)))
    return count(profile, one, meet(profile, one, b"key"), NOW, b"key")


def test_recipients_and_copies_of_one_text_add_up_and_another_text_begins_anew() -> None:
    profile = Profile()
    for number in range(5):
        profile = count_one(profile, number, [f"a{number}@a.example", f"b{number}@a.example"])
    assert feature(profile, "same_text_24h") == pytest.approx(10.0, rel=FEW_PERCENT)
    assert feature(profile, "copies_24h") == 5.0
    profile = count_one(profile, 5, ["c@a.example"], text=99)
    assert feature(profile, "same_text_24h") == pytest.approx(1.0, rel=FEW_PERCENT)
    place = [one.name for one in FEATURES].index("same_text_24h")
    assert profile.today.peaks[place] == pytest.approx(10.0, rel=FEW_PERCENT)


def test_another_attempt_is_no_further_copy() -> None:
    once = text_to(1, ["a@a.example"])
    again = count_one(once, 1, ["a@a.example"])
    assert feature(again, "copies_24h") == feature(once, "copies_24h") == 1.0


@given(st.permutations("abcdef"))
def test_strangers_in_alphabetical_order_are_counted_up_to_the_first_that_is_not(letters: list[str]) -> None:
    profile = text_to(1, [f"{letter}@a.example" for letter in letters])
    rising = next((place for place in range(5, 0, -1) if letters[place] < letters[place - 1]), 0)
    assert feature(profile, "ascending_new_recipients") == len(letters) - rising
    assert (len(letters) - rising == 6) == (letters == sorted(letters)), f"one of {factorial(6)} orders"


def test_messages_to_nobody_but_strangers_are_a_run_until_a_friend_is_written_to(policy: Policy) -> None:
    friend = transaction(1, [("friend@a.example", ACCEPTED)])
    profile = settle(Profile(), friend, True, NOW, policy)
    for number in range(2, 6):
        profile, _ = judge(profile, transaction(number), NOW, policy)
    assert profile.run.to_strangers == 4
    mixed = transaction(6, [("friend@a.example", ACCEPTED), ("nobody@a.example", ACCEPTED)])
    profile, _ = judge(profile, mixed, NOW, policy)
    assert profile.run.to_strangers == 0
    assert (profile.today.messages, profile.today.to_strangers) == (5, 4)


def test_automatic_mail_neither_lengthens_the_run_nor_ends_it(policy: Policy) -> None:
    profile, _ = judge(Profile(), transaction(1), NOW, policy)
    profile, _ = judge(profile, transaction(2, stream=Stream.AUTOMATIC), NOW, policy)
    assert profile.run.to_strangers == 1


def test_a_deferred_recipient_says_nothing_about_the_list(policy: Policy) -> None:
    profile, verdict = judge(Profile(), transaction(1, [("a@a.example", DEFERRED)]), NOW, policy)
    assert not any(profile.counters.answers)
    assert verdict.groups[1].nats == 0.0


@pytest.mark.parametrize(("reply", "refused"), [
    ("5.1.1", True), ("5.2.1", True), ("550", True), ("554", True), ("", True), ("5.7.1", False),
    ("5.3.4", False), ("5.5.1", False), ("503", False), ("552", False),
])  # fmt: skip
def test_only_what_is_said_about_the_recipient_counts_as_refused(reply: str, refused: bool) -> None:
    assert is_refused(reply) is refused


@pytest.mark.parametrize(("reply", "unwanted"), [
    ("5.7.1", True), ("5.7.26", True), ("5.1.1", False), ("550", False), ("4.7.1", False), ("", False),
])  # fmt: skip
def test_only_a_policy_refusal_says_that_the_mail_is_not_wanted(reply: str, unwanted: bool) -> None:
    assert is_unwanted(reply) is unwanted


def test_automatic_mail_has_an_origin_like_any_other() -> None:
    assert origin_of(transaction(1, stream=Stream.AUTOMATIC), b"key") == origin_of(transaction(1), b"key")
    assert origin_of(transaction(1, client="unknown", mail_from=""), b"key") == (0, 0, 0, 0)


def test_an_origin_is_all_that_is_known() -> None:
    content = Content(1, program="a telephone", author="ann@customer.example")
    assert origin_of(transaction(1), b"key")[2:] == (0, 0)
    origin = origin_of(transaction(1, content=content), b"key")
    assert all(origin)
    assert origin.author == origin.reverse_path


def test_automatic_mail_leaves_the_personal_counters_alone(policy: Policy) -> None:
    profile, _ = judge(Profile(), transaction(1, stream=Stream.AUTOMATIC), NOW, policy)
    for one, value in zip(FEATURES, profile.counters.features, strict=True):
        assert value == (1.0 if one.stream is Stream.AUTOMATIC else 0.0)


def test_recipients_of_mail_from_elsewhere_are_counted_aside(policy: Policy) -> None:
    home, abroad = transaction(1, client="192.0.2.7"), transaction(2, client="198.51.100.9")
    profile, _ = judge(Profile(), home, NOW - 3 * DAY, policy)
    assert judge(profile, home, NOW, policy)[0].lately.elsewhere == 0.0
    once, _ = judge(profile, abroad, NOW, policy)
    again, _ = judge(once, abroad, NOW, policy)
    assert (once.lately.elsewhere, again.lately.elsewhere) == (1.0, 1.0)
    assert judge(Profile(), abroad, NOW, policy)[0].lately.elsewhere == 0.0


def test_in_a_young_account_a_text_is_the_owners_where_it_comes_from_the_place_of_its_first_days() -> None:
    profile = text_from(Profile(), 1, "a computer", NOW)
    assert text_from(profile, 2, "a computer", NOW + 5 * DAY).texts.texts[-1].owners
    later = text_from(profile, 3, "a telephone", NOW + 5 * DAY)
    assert not text_from(later, 4, "a telephone", NOW + 8 * DAY).texts.texts[-1].owners


def text_from(profile: Profile, number: int, program: str, now: float) -> Profile:
    one = transaction(number, content=Content(number, program=program))
    return count(profile, one, meet(profile, one, b"key"), now, b"key")
