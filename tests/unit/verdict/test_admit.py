"""No more first-time recipients are in flight than the window allows; known ones always pass."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.address import Address
from detector.mail.transaction import RecipientStatus, Stream
from detector.traffic.features import ANSWERS_OF
from detector.traffic.lately import Lately
from detector.traffic.profile import Profile
from detector.verdict.admit import admit, admit_message, settle
from detector.verdict.policy import Policy
from tests.histories import transaction

ACCEPTED, REFUSED = RecipientStatus.ACCEPTED, RecipientStatus.REFUSED
PACED, DEFERRED = RecipientStatus.PACED, RecipientStatus.DEFERRED
NOW = 1.8e9


def admitted(profile: Profile, number: int, count: int, policy: Policy, now: float = NOW) -> tuple[Profile, int]:
    passed = 0
    for one in range(count):
        address = Address(f"stranger{number}.{one}", f"domain{one % 9}.example")
        profile, may_pass = admit(profile, address, now, policy)
        passed += may_pass
    return profile, passed


def test_the_first_twenty_strangers_pass_and_the_next_waits(policy: Policy) -> None:
    profile, passed = admitted(Profile(), 1, 20, policy)
    assert passed == 20
    after, may_pass = admit(profile, Address("one", "more.example"), NOW, policy)
    assert not may_pass
    assert after is profile


def test_a_known_recipient_passes_a_full_window_and_nothing_is_written(policy: Policy) -> None:
    profile = settle(Profile(), transaction(1), True, NOW, policy)
    profile, _ = admitted(profile, 1, 30, policy)
    after, may_pass = admit(profile, transaction(1).recipients[0].address, NOW, policy)
    assert may_pass
    assert after is profile


def test_places_are_free_again_when_the_delivery_failed(policy: Policy) -> None:
    names = [(f"a{number}@b.example", ACCEPTED) for number in range(20)]
    profile = Profile()
    for one in transaction(1, names).recipients:
        profile, _ = admit(profile, one.address, NOW, policy)
    profile = settle(profile, transaction(1, names), False, NOW, policy)
    assert profile.window.in_flight == 0
    assert admitted(profile, 2, 30, policy)[1] == 20


def test_delivered_strangers_keep_their_places_until_they_are_clean(policy: Policy) -> None:
    names = [(f"a{number}@b{number}.example", ACCEPTED) for number in range(20)]
    profile = Profile()
    for one in transaction(1, names).recipients:
        profile, _ = admit(profile, one.address, NOW, policy)
    profile = settle(profile, transaction(1, names), True, NOW, policy)
    assert admitted(profile, 2, 30, policy)[1] == 0
    assert admitted(profile, 2, 200, policy, NOW + 1.2 * policy.clean_after)[1] > 40


def test_refused_deferred_and_paced_recipients_hold_no_place_and_stay_strangers(policy: Policy) -> None:
    asked = [("a@b.example", REFUSED), ("b@b.example", DEFERRED), ("c@b.example", PACED)]
    profile = Profile()
    for one in transaction(1, asked[:2]).recipients:
        profile, _ = admit(profile, one.address, NOW, policy)
    profile = settle(profile, transaction(1, asked), True, NOW, policy)
    assert profile.window.in_flight == 0
    assert not profile.known.hashes


def test_a_transaction_to_known_recipients_only_changes_nothing_when_it_fails(policy: Policy) -> None:
    profile = settle(Profile(), transaction(1), True, NOW, policy)
    assert settle(profile, transaction(1), False, NOW, policy) is profile


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(min_value=1, max_value=40), st.booleans(), st.floats(min_value=0, max_value=2000)),
        max_size=25,
    )
)
def test_never_more_strangers_in_flight_than_the_window_allows(
    policy: Policy, steps: list[tuple[int, bool, float]]
) -> None:
    profile, now = Profile(), NOW
    for number, (count, delivered, wait) in enumerate(steps):
        now += wait
        names = [(f"a{number}.{one}@domain{one % 9}.example", ACCEPTED) for one in range(count)]
        passed = []
        for name, one in zip(names, transaction(number, names).recipients, strict=True):
            profile, may_pass = admit(profile, one.address, now, policy)
            passed += [name] if may_pass else []
            window = profile.window.at(now, policy.window)
            assert window.in_flight <= max(window.size(policy.window), profile.window.in_flight - may_pass)
        if passed:
            assert profile.window.in_flight <= profile.window.size(policy.window)
            profile = settle(profile, transaction(number, passed), delivered, now, policy)


def test_a_message_known_late_passes_whole_while_a_place_is_free(policy: Policy) -> None:
    crowd = [Address(f"a{number}", "b.example") for number in range(50)]
    profile, may_pass = admit_message(Profile(), crowd, [], NOW, policy)
    assert may_pass
    assert profile.window.in_flight == 50
    after, may_pass = admit_message(profile, [Address("one", "more.example")], [], NOW, policy)
    assert not may_pass
    assert after is profile


@pytest.mark.parametrize("on_its_way", [10, 20])  # of twenty places
def test_a_message_known_late_gives_back_no_places_of_others(on_its_way: int, policy: Policy) -> None:
    profile, _ = admitted(Profile(), 1, on_its_way, policy)
    told = [("a@b.example", ACCEPTED), *[(f"r{number}@b.example", DEFERRED) for number in range(5)]]
    others = [Address.parse(address) for address, _ in told[1:]]
    profile, may_pass = admit_message(profile, [Address("a", "b.example")], others, NOW, policy)
    assert may_pass is (on_its_way < 20)
    one = transaction(2, told if may_pass else [("a@b.example", PACED), *told[1:]])
    assert settle(profile, one, may_pass, NOW, policy).window.in_flight == on_its_way + may_pass


def test_what_was_delivered_is_an_answer_of_its_stream_and_of_the_day(policy: Policy) -> None:
    one = transaction(1, [("a@b.example", ACCEPTED), ("c@b.example", REFUSED)], stream=Stream.AUTOMATIC)
    profile = settle(Profile(), one, True, NOW, policy)
    answered = ANSWERS_OF[Stream.AUTOMATIC][0]
    assert profile.counters.answers[answered] == profile.today.answers[answered] == 1.0
    assert sum(profile.counters.answers) == 1.0
    assert not any(settle(Profile(), one, False, NOW, policy).counters.answers)


def test_held_mail_that_is_delivered_answers_for_itself_and_is_withheld_no_more(policy: Policy) -> None:
    profile = Profile(lately=Lately().withhold(2.0, NOW))
    one = transaction(1, [("a@b.example", ACCEPTED)])
    assert settle(profile, one, True, NOW, policy).lately.withheld == 1.0
    assert settle(profile, one, False, NOW, policy).lately.withheld == 2.0
    automatic = replace(one, stream=Stream.AUTOMATIC)
    assert settle(profile, automatic, True, NOW, policy).lately.withheld == 2.0
