"""The third rung: what is held, and when it is released by itself.

A hold is for doubts that time can settle. An honest mailing that is large for its account is held once, for the time of
a probation: meanwhile what was let through of it is answered, and the owner's own program, network and words speak for
him. Where another kind of evidence speaks too, a message waits until answers speak against it, or people have decided;
where that is only one text, sent from home, a few go as probes, so that there are answers. That counters fade with time
is no answer: a thief's mail is not better for having waited.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from detector.mail.content import Content
from detector.mail.transaction import Stream
from detector.traffic.clock import DAY
from detector.traffic.features import FEATURES
from detector.traffic.profile import Profile
from detector.verdict.feedback import weigh_feedback
from detector.verdict.policy import Policy
from detector.verdict.verdict import BULK, CAMPAIGN, CLIENT, FEEDBACK, TEXT, GroupScore

PROBATION = 300.0  # seconds: bounces of servers that answer at once are back in two minutes; shorter than a retry
EPISODE = DAY
RELEASE_BELOW = 1.0  # nats under the hold score, so that mail does not go to and fro
SPEAKS = 1.0  # nats from which a group is taken to say something
# The most that each group may say of mail on probation.
# A text as bad as 1 in 100 is a matter of taste.
HARMLESS = {BULK: 8.0, FEEDBACK: 0.0, CLIENT: 1.0, TEXT: 1.5, CAMPAIGN: 0.0}
MAY_PROBE = HARMLESS | {CLIENT: 0.0, TEXT: 3.0}
# Recipients in a day: of one or two letters to an address book. A message to one person costs as much as one to 25, or
# a thief who writes to one after the other would gain most.
MOST_PROBED, LEAST_PROBE = 50.0, 25
PROVEN_HARMLESS = {TEXT: 3.0, CLIENT: 1.5}  # the most of one text; two of them are a habit
# Beyond so many first-time recipients in a day people decide, or have said before who the sender is. As many messages a
# day as Google Workspace lets an account send. An account without days of its own has half.
MOST_STRANGERS = 2000.0
GROWN_UP = 14  # active days
WITNESSES = frozenset({FEEDBACK, TEXT, CAMPAIGN})
FEW_ELSEWHERE = 5.0  # recipients in a day: as many as the window lets through at its least
NAMES = [feature.name for feature in FEATURES]
STRANGERS, AUTOMATIC = NAMES.index("new_recipients_24h"), NAMES.index("automatic_recipients_24h")
PROVEN = -1.9  # nats of feedback before its floor: fifteen recipients without a bad answer


@dataclass(frozen=True, slots=True)
class Held:
    """What must be known of a held message to decide on it again: all evidence but the answers, as it stood then.

    `text` and `sketch` are its content's.
    """

    stream: Stream
    lasting: tuple[GroupScore, ...]
    text: int = 0
    sketch: bytes = b""


def held(groups: Sequence[GroupScore], stream: Stream, content: Content | None = None) -> Held:
    lasting = tuple(group for group in groups if group.group is not FEEDBACK)
    return Held(stream, lasting, content.text, content.sketch) if content else Held(stream, lasting)


def doubts(profile: Profile, groups: Sequence[GroupScore]) -> Sequence[GroupScore]:
    """The evidence for a hold: what the owner sends from home is not held against his new telephone, nor the reverse.

    As long as hardly anybody was written to from elsewhere, and nothing is wrong with it but the place.
    """
    others = [group for group in groups if group.group is not CLIENT or group.nats <= 0.0]
    if len(others) == len(groups):  # as mostly
        return groups
    lately = profile.lately
    if lately.elsewhere > FEW_ELSEWHERE and lately.at(profile.counters.updated_at).elsewhere > FEW_ELSEWHERE:
        return groups
    if any(group.nats >= SPEAKS for group in groups if group.group in WITNESSES):
        return groups
    return others


def on_hold(profile: Profile, groups: Sequence[GroupScore], now: float, policy: Policy) -> bool:
    """Whether mail with this evidence waits."""
    if policy.assigned is None and many_strangers(profile):
        return any(group.group is BULK and group.nats >= SPEAKS for group in groups)
    if sum([group.nats for group in groups]) < policy.hold_score:
        return False
    return not (PROBATION <= now - profile.held_since < EPISODE and harmless(groups))


def many_strangers(profile: Profile) -> bool:
    """Whether so many strangers were written to in a day that nobody should who has not said so before."""
    features = profile.counters.features
    grown_up = profile.baseline.days[0] >= GROWN_UP
    return max(features[STRANGERS], features[AUTOMATIC]) > (MOST_STRANGERS if grown_up else MOST_STRANGERS / 2.0)


def may_go(profile: Profile, message: Held, now: float, policy: Policy) -> bool:
    """Whether a held message may be released, by the evidence as it stands at `now` (Unix seconds)."""
    profile = replace(profile, counters=profile.counters.at(now))
    if policy.assigned is None and many_strangers(profile):
        return False
    groups = _as_it_stands(profile, message, policy)
    return _settled(groups, policy) or (now - profile.held_since >= PROBATION and harmless(groups))


def may_probe(profile: Profile, message: Held, now: float, policy: Policy) -> bool:
    """Whether a held message may go so that there are answers: one in each probation, and few recipients in all.

    Only where one text that reads badly is all that speaks against large mail from home.
    """
    lately = profile.lately.at(now)
    if now - profile.held_since < PROBATION or now - lately.probed_at < PROBATION or lately.probed >= MOST_PROBED:
        return False
    profile = replace(profile, counters=profile.counters.at(now))
    if policy.assigned is None and many_strangers(profile):
        return False
    groups = _as_it_stands(profile, message, policy)
    return all(group.nats <= MAY_PROBE[group.group] for group in groups)


def _as_it_stands(profile: Profile, message: Held, policy: Policy) -> tuple[GroupScore, ...]:
    lasting = message.lasting
    if message.text and profile.texts.owners(message.text, message.sketch):
        # The same text came from where the account is at home, since.
        lasting = tuple(group for group in lasting if group.group is not CLIENT)
    return (weigh_feedback(profile, message.stream, policy.prior_of(profile)), *lasting)


def probed(profile: Profile, recipients: int, now: float) -> Profile:
    """The profile when a message to so many went out as a probe."""
    return replace(profile, lately=profile.lately.probe(max(recipients, LEAST_PROBE), now))


def relieved(profile: Profile, message: Held, now: float, policy: Policy) -> Profile:
    """The profile when this held message goes: where the doubts are settled, they no longer narrow the window."""
    groups = _as_it_stands(replace(profile, counters=profile.counters.at(now)), message, policy)
    return replace(profile, window=replace(profile.window, narrow_until=0)) if _settled(groups, policy) else profile


def _settled(groups: Sequence[GroupScore], policy: Policy) -> bool:
    return sum([group.nats for group in groups]) < policy.hold_score - RELEASE_BELOW


def harmless(groups: Sequence[GroupScore]) -> bool:
    """Whether nothing speaks against the account but that it sends more than usual.

    Where the mail has reached enough strangers without a bad answer, one text may read worse, and a program may be new.
    """
    limits = HARMLESS | (PROVEN_HARMLESS if _proven(groups) else {})
    return all(group.nats <= limits[group.group] for group in groups)


def _proven(groups: Sequence[GroupScore]) -> bool:
    return any(sum([one.nats for one in group.evidence]) <= PROVEN for group in groups if group.group is FEEDBACK)
