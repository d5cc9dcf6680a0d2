"""Held mail that may go by itself: decided alike in the replay and in the relay, with the same places in the window."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec.structs import replace

from detector.mail.address import Address
from detector.traffic.profile import Profile
from detector.verdict.admit import admit
from detector.verdict.hold import EPISODE, Held, may_go, may_probe, probed, relieved
from detector.verdict.policy import Policy

LOOK_AGAIN = 30.0  # seconds, when the window has no room for a message that may go


class Leave(StrEnum):
    """What is decided about a held message."""

    GOES = "goes"
    NO_ROOM = "no room"  # in the recipient window
    WAITS = "waits"


class Waiting(NamedTuple):
    """A held message: since when (Unix seconds), why, and for whom."""

    since: float
    held: Held
    addresses: Sequence[Address]


def leave(profile: Profile, message: Waiting, now: float, policy: Policy) -> tuple[Profile, Leave]:
    """Whether a held message goes at `now` (Unix seconds); then its first-time recipients have taken their places."""
    if message.since - profile.held_since >= EPISODE:
        # A crash has taken the last second of the profile, and with it when the probation began.
        profile = replace(profile, held_since=message.since)
    if not may_go(profile, message.held, now, policy):
        if not may_probe(profile, message.held, now, policy):
            return profile, Leave.WAITS
        profile = probed(profile, len(message.addresses), now)
        return take_places(profile, message.addresses, now, policy), Leave.GOES
    window = profile.window.at(now, policy.window)
    if window.in_flight >= window.size(policy.window):
        return profile, Leave.NO_ROOM
    profile = relieved(profile, message.held, now, policy)
    return take_places(profile, message.addresses, now, policy), Leave.GOES


def take_places(profile: Profile, addresses: Iterable[Address], now: float, policy: Policy) -> Profile:
    """For recipients of a message that goes in any case."""
    for address in addresses:
        profile, _ = admit(profile, address, now, policy)
    return profile
