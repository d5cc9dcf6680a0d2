"""The judge: counts a transaction, weighs the groups of evidence, and climbs the ladder."""

from collections.abc import Sequence

from msgspec.structs import replace

from detector.mail.transaction import RecipientStatus, Transaction
from detector.traffic.clock import DAY, day_of, latest
from detector.traffic.cohort import learn_cohort
from detector.traffic.counting import as_believed, count, origin_of
from detector.traffic.profile import Profile
from detector.verdict.bulk import weigh_bulk
from detector.verdict.campaign import weigh_campaign
from detector.verdict.client import weigh_client
from detector.verdict.feedback import weigh_feedback
from detector.verdict.hold import EPISODE, harmless, on_hold
from detector.verdict.policy import Policy
from detector.verdict.text import weigh_text
from detector.verdict.verdict import Action, Group, GroupScore, Verdict

GROUPS_NEEDED = 2  # one kind of evidence alone has an innocent explanation too often
WARM_UP = 14 * DAY  # a new account is unusual in everything; the calibration does not count that
CHANGES = frozenset({Group.BULK, Group.CLIENT, Group.CAMPAIGN})
SPEAKS = 1.0  # nats from which a group counts among them; when enough of them do, the window is narrow


def judge(profile: Profile, transaction: Transaction, now: float, policy: Policy) -> tuple[Profile, Verdict]:
    """The profile with this transaction, and what shall become of it.

    Call it once for each transaction, also when no recipient was accepted. `now` is in Unix seconds.
    """
    origin, content = origin_of(transaction, policy.recipient_key), transaction.content
    at = latest(profile.counters.updated_at, now)
    new_text = content is not None and profile.texts.recipients_of(content, at) is None
    transaction = as_believed(profile, transaction, origin, at)
    profile = learn_cohort(profile.on_day(day_of(at)), day_of(at), policy.priors)
    profile = count(profile, transaction, origin, now, policy.recipient_key)
    prior = policy.prior_of(profile)
    reading, text = weigh_text(profile, content, new_text, at)
    groups: tuple[GroupScore, ...] = (
        weigh_bulk(profile, transaction.stream, prior),
        weigh_feedback(profile, transaction.stream, prior, _accepted(transaction)),
        weigh_client(profile, origin, at, owners=content is not None and profile.texts.is_owners(content)),
        text,
        weigh_campaign(content),
    )
    if policy.silent_groups:
        groups = tuple(GroupScore(one.group, 0.0, ()) if one.group in policy.silent_groups else one for one in groups)
    score = sum([group.nats for group in groups])
    action = _climb(profile, transaction, groups, at, policy)
    learns = new_text and score < policy.hold_score and not text_speaks(groups)
    if learns and content is not None:
        reading = reading.learn(content.surprise or 0.0, content.odd)
    profile = replace(_marked(profile, groups, action, at, policy), reading=reading)
    return profile, Verdict(action, score, groups, policy.policy_version, policy.model_version)


def enough_speak(groups: Sequence[GroupScore]) -> bool:
    """Whether there is more than one kind of evidence, and some of it that the account does what it never did.

    Bad answers and bad texts alone are what a forwarding account has, or a tasteless one.
    """
    speaking = {group.group for group in groups if group.nats >= SPEAKS}
    return len(speaking) >= GROUPS_NEEDED and not speaking.isdisjoint(CHANGES)


def text_speaks(groups: Sequence[GroupScore]) -> bool:
    """Whether the account's texts read like abuse: then they are not learned as clean ones."""
    return any(group.group is Group.TEXT and group.nats >= SPEAKS for group in groups)


def _accepted(transaction: Transaction) -> int:
    return sum([recipient.status is RecipientStatus.ACCEPTED for recipient in transaction.recipients])


def has_changed(groups: Sequence[GroupScore]) -> bool:
    """Whether some evidence says that the account does what it never did."""
    return any(group.nats >= SPEAKS and group.group in CHANGES for group in groups)


def _marked(profile: Profile, groups: Sequence[GroupScore], action: Action, at: float, policy: Policy) -> Profile:
    """The profile that remembers how suspicious it was."""
    score, doubtful = sum([group.nats for group in groups]), enough_speak(groups)
    # A day that is only unusually busy is learned: the second letter to the members is not as unusual as the first.
    suspicious = score >= policy.hold_score and not harmless(groups)
    reached = min(score, 100.0) if at - profile.first_seen >= WARM_UP else 0.0
    begins = action is Action.HOLD and not 0.0 <= at - profile.held_since < EPISODE
    return replace(
        profile,
        suspicious_day=profile.today.day if suspicious else profile.suspicious_day,
        window=profile.window.narrow(at) if suspicious and doubtful else profile.window,
        held_since=at if begins else profile.held_since,
        highest_score=max(profile.highest_score, reached),
        highest_blockable=max(profile.highest_blockable, reached if doubtful else 0.0),
    )


def _climb(
    profile: Profile, transaction: Transaction, groups: Sequence[GroupScore], at: float, policy: Policy
) -> Action:
    score = sum([group.nats for group in groups])
    if score >= policy.block_score and enough_speak(groups):
        return Action.BLOCK
    if has_changed(groups) and on_hold(profile, groups, at, policy):
        return Action.HOLD
    if any(recipient.status is RecipientStatus.PACED for recipient in transaction.recipients):
        return Action.PACE
    return Action.ACCEPT
