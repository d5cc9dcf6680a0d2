"""Held mail leaves when its evidence has faded and the recipient window has room."""

from dataclasses import dataclass

import pytest

from detector.mail.address import Address
from detector.mail.transaction import Stream
from detector.models import load_prior
from detector.traffic.profile import Profile
from detector.verdict.hold import PROBATION, Held
from detector.verdict.policy import Policy
from detector.verdict.release import Leave, Waiting, leave, take_places
from detector.verdict.verdict import Group, GroupScore

NOW = 1_790_000_000.0
STRANGERS = [Address(f"stranger-{number}", "example.net") for number in range(3)]


@dataclass(frozen=True)
class Scene:
    """A held message with so many nats of lasting evidence, and a policy."""

    policy: Policy

    def held(self, nats: float, since: float = NOW - 60.0) -> Waiting:
        return Waiting(since, Held(Stream.PERSONAL, (GroupScore(Group.BULK, nats, ()),)), STRANGERS)


@pytest.fixture
def scene() -> Scene:
    return Scene(
        Policy(recipient_key=b"k" * 32, priors=load_prior()[0], model_version="m", window_start=4, window_least=4)
    )


def test_a_message_whose_evidence_has_faded_takes_its_places_and_goes(scene: Scene) -> None:
    profile, decided = leave(Profile(), scene.held(0.0), NOW, scene.policy)
    assert decided is Leave.GOES
    assert profile.window.in_flight == len(STRANGERS)


def test_what_still_speaks_against_it_keeps_it(scene: Scene) -> None:
    profile, decided = leave(Profile(), scene.held(20.0), NOW, scene.policy)
    assert (profile.window, decided) == (Profile().window, Leave.WAITS)


def test_a_full_window_keeps_it_and_no_place_is_taken(scene: Scene) -> None:
    full = take_places(Profile(), [Address(f"other-{number}", "example.net") for number in range(4)], NOW, scene.policy)
    profile, decided = leave(full, scene.held(0.0), NOW, scene.policy)
    assert (profile.window, decided) == (full.window, Leave.NO_ROOM)


def test_a_profile_that_forgot_the_hold_in_a_crash_does_not_shorten_the_probation(scene: Scene) -> None:
    waiting = scene.held(7.0, since=NOW)
    assert leave(Profile(), waiting, NOW + PROBATION - 1.0, scene.policy)[1] is Leave.WAITS
    assert leave(Profile(), waiting, NOW + PROBATION, scene.policy)[1] is Leave.GOES


def test_a_probe_goes_alone_and_the_next_one_waits(scene: Scene) -> None:
    evidence = Held(Stream.PERSONAL, (GroupScore(Group.BULK, 8.0, ()), GroupScore(Group.TEXT, 2.9, ())))
    tasteless = Waiting(NOW, evidence, STRANGERS)
    profile, decided = leave(Profile(held_since=NOW), tasteless, NOW + PROBATION, scene.policy)
    assert decided is Leave.GOES
    assert profile.window.in_flight == len(STRANGERS)
    assert leave(profile, tasteless, NOW + PROBATION, scene.policy)[1] is Leave.WAITS


def test_doubts_that_are_settled_no_longer_keep_the_window_narrow(scene: Scene) -> None:
    narrow = Profile(window=Profile().window.narrow(NOW))
    assert leave(narrow, scene.held(0.0), NOW, scene.policy)[0].window.narrow_until == 0
