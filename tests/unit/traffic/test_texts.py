"""The last texts of an account: which are new, who got them, and which are the owner's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.content import Content
from detector.mail.transaction import RecipientStatus, Transaction
from detector.traffic.clock import DAY
from detector.traffic.counting import count, meet
from detector.traffic.profile import Profile
from detector.traffic.texts import MOST_TEXTS, Texts
from tests.histories import contents, transaction

NOW = 1.8e9
HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"
OWN_PROGRAM, OTHER_PROGRAM = "a computer", "a robot"


def sent(*texts: Content) -> Texts:
    known = Texts()
    for text in texts:
        known = known.add(text, 1, owners=False, now=NOW)
    return known


def test_a_text_is_new_once() -> None:
    texts = sent(Content(7))
    assert texts.recipients_of(Content(8), NOW) is None
    assert texts.recipients_of(Content(7), NOW) == 1.0


def test_near_duplicates_are_one_text_and_texts_without_a_sketch_must_be_equal() -> None:
    texts = sent(Content(1, sketch=b"aaaaaaaa"), Content(2, sketch=b"aaaaabcd"), Content(3))
    assert texts.recipients_of(Content(99, sketch=b"aaaaxyzz"), NOW) == 2.0
    assert texts.recipients_of(Content(99, sketch=b"abcdefgh"), NOW) is None
    assert texts.recipients_of(Content(99, sketch=b"aaaa"), NOW) is None  # of another length
    assert texts.recipients_of(Content(4), NOW) is None
    assert len(texts.texts) == 2


def test_recipients_and_copies_fade_by_half_in_a_day_and_a_clock_set_back_adds_none() -> None:
    texts = Texts().add(Content(7), 8, owners=False, now=NOW)
    assert texts.recipients_of(Content(7), NOW + DAY) == 4.0
    assert texts.recipients_of(Content(7), NOW - DAY) == 8.0
    later = texts.add(Content(7), 1, owners=False, now=NOW + DAY).texts[-1]
    assert (later.recipients, later.copies) == (5.0, 1.5)


def test_another_attempt_is_no_other_copy() -> None:
    texts = sent(Content(7))
    assert texts.add(Content(7), 0, owners=False, now=NOW) == texts


def test_the_text_of_the_latest_message_stands_last() -> None:
    assert [one.text for one in sent(Content(7), Content(8), Content(7)).texts] == [8, 7]


@given(st.lists(st.integers(min_value=0, max_value=20), max_size=60))
def test_the_texts_seen_last_are_remembered(numbers: list[int]) -> None:
    texts = sent(*[Content(number) for number in numbers])
    newest_first = list(dict.fromkeys(reversed(numbers)))
    assert [one.text for one in reversed(texts.texts)] == newest_first[:MOST_TEXTS]
    assert all(one.copies == one.recipients for one in texts.texts)


@given(st.lists(st.tuples(contents, st.integers(0, 50), st.booleans(), st.floats(0.0, 4e9)), max_size=30))
def test_whatever_is_sent_no_clock_makes_recipients_out_of_nothing(
    history: list[tuple[Content, int, bool, float]],
) -> None:
    texts, total = Texts(), 0
    for content, recipients, owners, now in history:
        texts, total = texts.add(content, recipients, owners, now), total + recipients
        assert len(texts.texts) <= MOST_TEXTS
        assert sum(one.recipients for one in texts.texts) <= total + 1e-6
        assert texts.recipients_of(content, now) is not None


def test_one_copy_from_home_makes_a_text_the_owners_for_as_long_as_it_is_remembered() -> None:
    texts = sent(Content(7)).add(Content(7), 1, owners=True, now=NOW).add(Content(7), 1, owners=False, now=NOW)
    assert next(one for one in texts.texts if one.text == 7).owners
    assert not any(one.owners for one in texts.texts if one.text == 8)


# -- whose text it is: from his networks, by his programs --


def message(number: int, text: int, client: str, program: str) -> Transaction:
    names = [(f"user{number}@a.example", RecipientStatus.ACCEPTED)]
    return transaction(number, names, client=client, content=Content(text, program=program))


def is_owners(profile: Profile, text: int) -> bool:
    return next(one for one in profile.texts.texts if one.text == text).owners


def counted(profile: Profile, one: Transaction, now: float) -> Profile:
    return count(profile, one, meet(profile, one, b"key"), now, b"key")


def settled() -> Profile:
    profile = Profile()
    for day in range(30):
        profile = counted(profile, message(day, 1000 + day, HOME, OWN_PROGRAM), NOW - (30 - day) * DAY)
    return profile


@given(
    st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=6),
            st.sampled_from([(ELSEWHERE, OTHER_PROGRAM), (ELSEWHERE, OWN_PROGRAM), (HOME, OTHER_PROGRAM), (HOME, "")]),
            st.floats(min_value=0.0, max_value=DAY - 1),
        ),
        max_size=20,
    )
)
def test_a_text_that_never_came_from_home_is_never_taken_for_the_owners(
    theft: list[tuple[int, tuple[str, str], float]],
) -> None:
    profile = settled()
    for number, (text, (client, program), later) in enumerate(sorted(theft, key=lambda one: one[2])):
        profile = counted(profile, message(100 + number, text, client, program), NOW + later)
        assert not is_owners(profile, text)


@pytest.mark.parametrize("away_first", [True, False])
def test_a_letter_that_the_owner_also_sends_from_home_is_his_wherever_he_goes(away_first: bool) -> None:
    places = [(HOME, OWN_PROGRAM), (ELSEWHERE, OTHER_PROGRAM)]
    profile = settled()
    for number, (client, program) in enumerate(reversed(places) if away_first else places):
        profile = counted(profile, message(100 + number, 7, client, program), NOW + number)
    assert is_owners(profile, 7)


@pytest.mark.parametrize(("days", "owners"), [(13, False), (14, True)])
@pytest.mark.parametrize("young", ["network", "program"])
def test_only_what_is_at_home_for_a_fortnight_makes_a_text_the_owners(young: str, days: int, owners: bool) -> None:
    client, program = (ELSEWHERE, OWN_PROGRAM) if young == "network" else (HOME, OTHER_PROGRAM)
    profile = counted(settled(), message(100, 6, client, program), NOW)
    profile = counted(profile, message(101, 7, client, program), NOW + days * DAY)
    assert profile.texts.texts[-1].text == 7
    assert is_owners(profile, 7) is owners
