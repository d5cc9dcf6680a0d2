"""Clocks that jump: by NTP, by daylight saving in a host's hands, by a battery that is empty. Nothing runs wild.

Time is an argument everywhere, so a story may be told by a clock that is wrong now and then. Waiting is measured by a
clock that only goes forward (`Wire`, `ClientWire`, `Aside`): the wall clock has no part in it.
"""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.mail.transaction import RecipientStatus, Transaction
from detector.models import load_prior
from detector.records.entries import Exemption
from detector.traffic.clock import DAY, END_OF_TIME, told_twice
from detector.traffic.packing import pack
from detector.traffic.profile import Profile
from detector.verdict.admit import admit, settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Verdict
from tests.histories import transaction

HOUR, YEAR = 3600.0, 365 * DAY
MONDAY = 20_000 * DAY
HOME, ABROAD = "192.0.2.7", "198.51.100.9"
PRIORS, _ = load_prior()
POLICY = Policy(recipient_key=b"a key of the tests", priors=PRIORS, model_version="m")

leaps = st.one_of(
    st.sampled_from([-HOUR, HOUR, -DAY, DAY, -1.0, 1.0, -YEAR, YEAR, 10 * YEAR, -10 * YEAR]),
    st.floats(min_value=-20 * YEAR, max_value=20 * YEAR),
)
wrong_moments = st.lists(st.tuples(st.integers(0, 59), leaps), max_size=4)


def pass_one(profile: Profile, one: Transaction, now: float) -> tuple[Profile, Verdict]:
    """As the relay does it: the window, the verdict, and what came of it."""
    for recipient in one.recipients:
        profile, _ = admit(profile, recipient.address, now, POLICY)
    profile, verdict = judge(profile, one, now, POLICY)
    return settle(profile, one, verdict.action is Action.ACCEPT, now, POLICY), verdict


def to_a_friend(number: int) -> Transaction:
    friend = f"friend{number % 20}@domain{number % 5}.example"
    return transaction(number, [(friend, RecipientStatus.ACCEPTED)], client=HOME)


def wrong_by(moment: int, jumps: Sequence[tuple[int, float]]) -> float:
    """Each jump lasts for two messages."""
    return sum(leap for at, leap in jumps if at <= moment < at + 2)


@settings(max_examples=10, deadline=None)
@given(wrong_moments)
def test_who_writes_as_always_is_never_stopped_whatever_the_clock_does(jumps: list[tuple[int, float]]) -> None:
    profile = Profile()
    for number in range(60):
        now = min(max(MONDAY + number * DAY / 2 + wrong_by(number, jumps), 0.0), END_OF_TIME)
        profile, verdict = pass_one(profile, to_a_friend(number), now)
        assert verdict.action in {Action.ACCEPT, Action.PACE}
        assert len(pack(profile)) <= 4096


@settings(max_examples=10, deadline=None)
@given(st.lists(leaps, min_size=40, max_size=40))
def test_a_thief_is_recognised_by_a_clock_that_leaps_with_each_message(leaping: list[float]) -> None:
    """Back and forth, but it is right every second time: leaping must not wash off what he did."""
    profile, actions = Profile(), set[Action]()
    for number in range(30):
        profile, _ = pass_one(profile, to_a_friend(number), MONDAY + number * DAY / 2)
    begun = MONDAY + 16 * DAY
    for number, leap in enumerate(leaping):
        strangers = [
            (f"s{place}@there{number}.example", (RecipientStatus.ACCEPTED, RecipientStatus.REFUSED)[place % 2])
            for place in range(10)
        ]
        one = transaction(1000 + number, strangers, client=ABROAD)
        bounded = max(-HOUR, min(leap, HOUR)) if number % 2 else 0.0
        profile, verdict = pass_one(profile, one, begun + 10.0 * number + bounded)
        actions.add(verdict.action)
    assert actions & {Action.HOLD, Action.BLOCK}


@given(st.floats(min_value=0, max_value=END_OF_TIME), st.lists(st.floats(min_value=0, max_value=END_OF_TIME)))
def test_nothing_is_erased_for_its_age_unless_two_rounds_within_a_day_agree(kept: float, clock: list[float]) -> None:
    before = float("-inf")
    for now in clock:
        then = told_twice(before, now)
        assert then <= now
        assert then in {now, before} or then == float("-inf")
        if abs(now - before) > DAY:
            assert not kept < then
        before = now


@pytest.mark.parametrize("leap", [-YEAR, -HOUR, HOUR, YEAR])
def test_an_exemption_ends_by_the_clock_that_is_right_again(leap: float) -> None:
    exemption = Exemption("ann", MONDAY + DAY, "olga", "")
    assert [exemption.holds(now) for now in (MONDAY, MONDAY + leap, MONDAY, MONDAY + 2 * DAY)] == [
        True,
        leap < DAY,
        True,
        False,
    ]
