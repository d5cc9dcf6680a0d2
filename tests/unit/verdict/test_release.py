"""Held mail leaves when its evidence has faded and the recipient window has room."""

from dataclasses import dataclass

import pytest

from detector.mail.address import Address
from detector.mail.transaction import Stream
from detector.models import load_prior
from detector.traffic.profile import Profile
from detector.verdict.hold import Held
from detector.verdict.policy import Policy
from detector.verdict.release import Leave, leave, take_places
from detector.verdict.verdict import Group, GroupScore

NOW = 1_790_000_000.0
STRANGERS = [Address(f"stranger-{number}", "example.net") for number in range(3)]


@dataclass(frozen=True)
class Scene:
    """A held message with so many nats of lasting evidence, and a policy."""

    policy: Policy

    def held(self, nats: float) -> Held:
        return Held(Stream.PERSONAL, (GroupScore(Group.BULK, nats, ()),))


@pytest.fixture
def scene() -> Scene:
    return Scene(Policy(recipient_key=b"k" * 32, priors=load_prior()[0], model_version="m", window_start=4, window_least=4))


def test_a_message_whose_evidence_has_faded_takes_its_places_and_goes(scene: Scene) -> None:
    profile, decided = leave(Profile(), scene.held(0.0), STRANGERS, NOW, scene.policy)
    assert decided is Leave.GOES
    assert profile.window.in_flight == len(STRANGERS)


def test_what_still_speaks_against_it_keeps_it(scene: Scene) -> None:
    profile, decided = leave(Profile(), scene.held(20.0), STRANGERS, NOW, scene.policy)
    assert (profile, decided) == (Profile(), Leave.WAITS)


def test_a_full_window_keeps_it_and_no_place_is_taken(scene: Scene) -> None:
    full = take_places(Profile(), [Address(f"other-{number}", "example.net") for number in range(4)], NOW, scene.policy)
    profile, decided = leave(full, scene.held(0.0), STRANGERS, NOW, scene.policy)
    assert (profile, decided) == (full, Leave.NO_ROOM)
