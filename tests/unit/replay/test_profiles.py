"""Profiles in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from detector.replay.profiles import Profiles
from detector.traffic.profile import Profile


def profile(number: int) -> Profile:
    return Profile(suspicious_day=number)


def test_an_account_that_was_never_seen_has_an_empty_profile() -> None:
    assert Profiles().get("ann") == Profile()


@given(st.lists(st.integers(min_value=0, max_value=9), max_size=60))
def test_what_was_put_comes_back_whether_packed_or_not(names: list[int]) -> None:
    profiles, latest = Profiles(in_use=2, most=10), dict[int, int]()
    for number, name in enumerate(names, 1):
        profiles.put(str(name), profile(number))
        latest[name] = number
    assert {name: profiles.get(str(name)).suspicious_day for name in latest} == latest
    assert profiles.forgotten == 0


def test_beyond_the_bound_the_account_that_was_not_used_for_longest_is_forgotten() -> None:
    profiles = Profiles(in_use=1, most=2)
    for name in ("ann", "bob", "ann", "cyd"):
        profiles.put(name, profile(7))
    assert profiles.get("bob") == Profile()
    assert profiles.get("ann") == profiles.get("cyd") == profile(7)
    assert profiles.forgotten == 1
