"""Held mail that may go by itself: decided alike in the replay and in the relay, with the same places in the window."""

from collections.abc import Iterable
from enum import StrEnum

from detector.mail.address import Address
from detector.traffic.profile import Profile
from detector.verdict.admit import admit
from detector.verdict.hold import Held, may_go
from detector.verdict.policy import Policy

LOOK_AGAIN = 30.0  # seconds, when the window has no room for a message that may go


class Leave(StrEnum):
    """What is decided about a held message."""

    GOES = "goes"
    NO_ROOM = "no room"  # in the recipient window
    WAITS = "waits"


def leave(
    profile: Profile, message: Held, addresses: Iterable[Address], now: float, policy: Policy
) -> tuple[Profile, Leave]:
    """Whether a held message goes at `now` (Unix seconds); then its first-time recipients have taken their places."""
    if not may_go(profile, message, now, policy):
        return profile, Leave.WAITS
    window = profile.window.at(now, policy.window)
    if window.in_flight >= window.size(policy.window):
        return profile, Leave.NO_ROOM
    return take_places(profile, addresses, now, policy), Leave.GOES


def take_places(profile: Profile, addresses: Iterable[Address], now: float, policy: Policy) -> Profile:
    """For recipients of a message that goes in any case."""
    for address in addresses:
        profile, _ = admit(profile, address, now, policy)
    return profile
