"""What a profile says by itself, between two messages: for people who look at an account."""

from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.traffic.clock import day_of
from detector.traffic.counting import Origin
from detector.traffic.habits import Habits
from detector.traffic.profile import Profile
from detector.verdict.bulk import weigh_bulk
from detector.verdict.campaign import weigh_campaign
from detector.verdict.client import HOUR, weigh_client
from detector.verdict.feedback import convicting, weigh_feedback
from detector.verdict.hold import doubts, on_hold
from detector.verdict.judge import enough_speak, has_changed
from detector.verdict.policy import Policy
from detector.verdict.text import weigh_text
from detector.verdict.verdict import Action, Verdict


def weigh(profile: Profile, now: float, policy: Policy) -> Verdict:
    """The evidence as it stands at `now` (Unix seconds), of the stream that speaks louder; counters have faded since.

    The client is the network and the program that were seen last, if that is within the hour. What others send is not
    asked: without a message there is no campaign. `policy.recipient_key` is not used.
    """
    profile = replace(profile.on_day(day_of(now)), counters=profile.counters.at(now))
    verdicts = [_weigh(profile, stream, now, policy) for stream in Stream]
    return max(verdicts, key=lambda verdict: verdict.score)


def _weigh(profile: Profile, stream: Stream, now: float, policy: Policy) -> Verdict:
    all_groups = (
        weigh_bulk(profile, stream, policy.prior_of(profile)),
        weigh_feedback(profile, stream, policy.prior_of(profile)),
        weigh_client(profile, Origin(_latest(profile.networks, now), 0, _latest(profile.programs, now)), now),
        weigh_text(profile, None, new=False, now=now)[1],
        weigh_campaign(None),
    )
    groups = policy.heard(all_groups)
    score = sum(group.nats for group in groups)
    action = Action.ACCEPT
    if sum(group.nats for group in convicting(groups)) >= policy.block_score and enough_speak(groups):
        action = Action.BLOCK
    elif has_changed(groups) and on_hold(profile, doubts(profile, groups), now, policy):
        action = Action.HOLD
    return Verdict(action, score, groups, policy.policy_version, policy.model_version)


def _latest(networks: Habits, now: float) -> int:
    recent = [seen for seen in networks.seen if now - seen.last_seen <= HOUR]
    return max(recent, key=lambda seen: seen.last_seen).key if recent else 0
