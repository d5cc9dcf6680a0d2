"""The judge: counts a transaction, weighs the groups of evidence, and climbs the ladder."""

from msgspec.structs import replace

from detector.mail.transaction import RecipientStatus, Transaction
from detector.traffic.counting import count, origin_of
from detector.traffic.profile import Profile
from detector.verdict.bulk import weigh_bulk
from detector.verdict.client import weigh_client
from detector.verdict.feedback import weigh_feedback
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Verdict

GROUPS_NEEDED = 2  # one kind of evidence alone has an innocent explanation too often
SPEAKS = 1.0  # nats from which a group counts among them; when enough of them do, the window is narrow


def judge(profile: Profile, transaction: Transaction, now: float, policy: Policy) -> tuple[Profile, Verdict]:
    """The profile with this transaction, and what shall become of it.

    Call it once for each transaction, also when no recipient was accepted. `now` is in Unix seconds.
    """
    origin = origin_of(transaction, policy.recipient_key)
    profile = count(profile, transaction, origin, now, policy.recipient_key)
    at = profile.counters.updated_at
    groups = (
        weigh_bulk(profile, transaction.stream, policy.prior),
        weigh_feedback(profile, transaction.stream, policy.prior),
        weigh_client(profile, origin, at),
    )
    score = sum(group.nats for group in groups)
    doubtful = sum(group.nats >= SPEAKS for group in groups) >= GROUPS_NEEDED
    profile = replace(
        profile,
        suspicious_day=profile.today.day if score >= policy.suspicion_score else profile.suspicious_day,
        window=profile.window.narrow(at) if doubtful else profile.window,
    )
    action = _climb(transaction, doubtful and score >= policy.block_score)
    return profile, Verdict(action, score, groups, policy.policy_version, policy.model_version)


def _climb(transaction: Transaction, convicted: bool) -> Action:
    if convicted:
        return Action.BLOCK
    if any(recipient.status is RecipientStatus.PACED for recipient in transaction.recipients):
        return Action.PACE
    return Action.ACCEPT
