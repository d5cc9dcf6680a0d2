"""The third rung: what is held, and when it is released by itself.

A hold is for doubts that time can settle. An honest mailing that is large for its account is held once, for the time of
a probation: meanwhile what was let through of it is answered, and the owner's own program, network and words speak for
him. Where another kind of evidence speaks too, a message waits until answers speak against it, or people have decided.
That counters fade with time is no answer: a thief's mail is not better for having waited.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.traffic.clock import DAY
from detector.traffic.profile import Profile
from detector.verdict.feedback import weigh_feedback
from detector.verdict.policy import Policy
from detector.verdict.verdict import Group, GroupScore

PROBATION = 300.0  # seconds: bounces of servers that answer at once are back in two minutes; shorter than a retry
EPISODE = DAY
RELEASE_BELOW = 1.0  # nats under the hold score, so that mail does not go to and fro
# The most that each group may say of mail on probation.
HARMLESS = {Group.BULK: 8.0, Group.FEEDBACK: 0.0, Group.CLIENT: 1.0, Group.CAMPAIGN: 0.0}
TASTE = 1.5  # nats of text: one that reads as badly as 1 in 100 is a matter of taste
TASTE_PROVEN = 3.0  # the most of one text; two of them are a habit
PROVEN = -1.9  # nats of feedback before its floor: fifteen recipients without a bad answer


@dataclass(frozen=True, slots=True)
class Held:
    """What must be known of a held message to decide on it again: all evidence but the answers, as it stood then."""

    stream: Stream
    lasting: tuple[GroupScore, ...]


def held(groups: Sequence[GroupScore], stream: Stream) -> Held:
    return Held(stream, tuple(group for group in groups if group.group is not Group.FEEDBACK))


def on_hold(profile: Profile, groups: Sequence[GroupScore], now: float, policy: Policy) -> bool:
    """Whether mail with this evidence waits."""
    if sum([group.nats for group in groups]) < policy.hold_score:
        return False
    return not (_served(profile, now) and harmless(groups))


def may_go(profile: Profile, message: Held, now: float, policy: Policy) -> bool:
    """Whether a held message may be released, by the evidence as it stands at `now` (Unix seconds)."""
    profile = replace(profile, counters=profile.counters.at(now))
    groups = (weigh_feedback(profile, message.stream, policy.prior_of(profile)), *message.lasting)
    if sum([group.nats for group in groups]) < policy.hold_score - RELEASE_BELOW:
        return True
    return _served(profile, now) and harmless(groups)


def _served(profile: Profile, now: float) -> bool:
    return PROBATION <= now - profile.held_since < EPISODE


def harmless(groups: Sequence[GroupScore]) -> bool:
    """Whether nothing speaks against the account but that it sends more than usual.

    Where the mail has reached enough recipients without a bad answer, one text may read worse.
    """
    limits = HARMLESS | {Group.TEXT: TASTE_PROVEN if _proven(groups) else TASTE}
    return all(group.nats <= limits[group.group] for group in groups)


def _proven(groups: Sequence[GroupScore]) -> bool:
    return any(sum([one.nats for one in group.evidence]) <= PROVEN for group in groups if group.group is Group.FEEDBACK)
