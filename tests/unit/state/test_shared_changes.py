"""Changes in line, without any server."""

import asyncio

import pytest
from msgspec.structs import replace

from detector.state.shared_changes import Change, apply, presumed, tell
from detector.traffic.profile import Profile


def count_up(profile: Profile) -> tuple[Profile, int]:
    return replace(profile, suspicious_day=profile.suspicious_day + 1), profile.suspicious_day


def fail(_: Profile) -> tuple[Profile, int]:
    msg = "not this one"
    raise ValueError(msg)


def line_of(*functions: object) -> list[Change]:
    loop = asyncio.get_running_loop()
    return [Change(function, loop.create_future()) for function in functions]  # type: ignore[arg-type]


async def test_a_change_that_fails_changes_nothing() -> None:
    profile, outcomes = apply(line_of(count_up, fail, count_up), Profile())
    assert profile.suspicious_day == 2
    assert [answer for answer, _ in outcomes] == [0, None, 1]


async def test_who_cannot_wait_is_answered_with_all_before_him_and_each_is_tried_once() -> None:
    tries: list[int] = []

    def told(profile: Profile) -> tuple[Profile, int]:
        tries.append(profile.suspicious_day)
        return count_up(profile)

    line = line_of(*[told] * 100)
    assert [presumed(change, line, Profile()) for change in line] == list(range(100))
    assert tries == list(range(100))
    line += line_of(told)
    assert presumed(line[-1], line, Profile()) == 100


async def test_who_cannot_wait_hears_what_went_wrong() -> None:
    line = line_of(fail, count_up)
    with pytest.raises(ValueError, match="not this one"):
        presumed(line[0], line, Profile())
    assert presumed(line[1], line, Profile()) == 0


async def test_what_was_told_in_the_moment_in_which_he_lost_patience_is_not_tried_again() -> None:
    (change,) = line_of(fail)
    change.answer.cancel()
    tell(change, 7, None)
    assert presumed(change, [], Profile()) == 7
