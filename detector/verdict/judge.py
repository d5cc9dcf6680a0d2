"""The judge: counts a transaction, weighs the groups of evidence, and climbs the ladder."""

from collections.abc import Sequence
from itertools import compress

from msgspec import Struct
from msgspec.structs import replace

from detector.mail.transaction import ACCEPTED, PACED, PERSONAL, Transaction
from detector.traffic.clock import DAY, day_of, latest
from detector.traffic.cohort import learn_cohort
from detector.traffic.counting import as_believed, count, meet
from detector.traffic.features import ANSWERS_OF
from detector.traffic.profile import Profile
from detector.verdict.bulk import weigh_bulk
from detector.verdict.campaign import weigh_campaign
from detector.verdict.client import weigh_client
from detector.verdict.feedback import convicting, weigh_feedback
from detector.verdict.hold import EPISODE, SPEAKS, WITNESSES, doubts, harmless, many_strangers, on_hold
from detector.verdict.policy import Policy
from detector.verdict.text import weigh_text
from detector.verdict.verdict import BULK, CAMPAIGN, CLIENT, TEXT, Action, Group, GroupScore, Verdict

GROUPS_NEEDED = 2  # one kind of evidence alone has an innocent explanation too often
WARM_UP = 14 * DAY  # a new account is unusual in everything; the calibration does not count that
CHANGES = frozenset({BULK, CLIENT, CAMPAIGN})
STRANGE = 1.5  # nats of client from which friends too have reason to doubt that it is the owner who writes
FEW_COPIES = 3.0
ANSWERED = ANSWERS_OF[PERSONAL][0]


def judge(profile: Profile, transaction: Transaction, now: float, policy: Policy) -> tuple[Profile, Verdict]:
    """The profile with this transaction, and what shall become of it.

    Call it once for each transaction, also when no recipient was accepted. `now` is in Unix seconds.
    """
    content, at = transaction.content, latest(profile.counters.updated_at, now)
    transaction = as_believed(profile, transaction, at, policy.recipient_key)
    profile = learn_cohort(profile.on_day(day_of(at)), day_of(at), policy.priors)
    met = meet(profile, transaction, policy.recipient_key)
    asked = _asked(transaction, met.strangers)
    before, profile = profile, count(profile, transaction, met, now, policy.recipient_key)
    new_text = content is not None and not before.texts.has(profile.texts.texts[-1])
    prior = policy.prior_of(profile)
    reading, text = weigh_text(profile, content, new_text, at)
    groups: tuple[GroupScore, ...] = (
        weigh_bulk(profile, transaction.stream, prior),
        weigh_feedback(profile, transaction.stream, prior, asked.strangers),
        weigh_client(profile, met.origin, at, owners=content is not None and profile.texts.texts[-1].owners),
        text,
        weigh_campaign(content),
    )
    groups = policy.heard(groups)
    score = sum([group.nats for group in groups])
    found = _found(profile, groups, score)
    action = _climb(profile, asked, found, at, policy)
    if new_text and content is not None and score < policy.hold_score and TEXT not in found.speaking:
        reading = reading.learn(content.surprise or 0.0, content.odd)
    if (profile.counted, profile.today.reached) != (before.counted, before.today.reached):
        # What is only tried again makes no day more suspicious.
        profile = _marked(profile, found, at, policy)
    if action is Action.HOLD and profile.today.answers[ANSWERED] > before.today.answers[ANSWERED]:
        # Some were refused just now; the others cannot answer while we hold the message.
        profile = replace(profile, lately=profile.lately.withhold(asked.strangers, at))
    begins = action is Action.HOLD and not 0.0 <= at - profile.held_since < EPISODE
    profile = replace(profile, reading=reading, held_since=at if begins else profile.held_since)
    return profile, Verdict(action, score, groups, policy.policy_version, policy.model_version)


def enough_speak(groups: Sequence[GroupScore]) -> bool:
    """Whether there is more than one kind of evidence, and some of it that the account does what it never did.

    Bad answers and bad texts alone are what a forwarding account has, or a tasteless one. Answers that must not convict
    (`feedback.convicting`) are not asked.
    """
    return _enough(_speaking(convicting(groups)))


def text_speaks(groups: Sequence[GroupScore]) -> bool:
    """Whether the account's texts read like abuse: then they are not learned as clean ones."""
    return TEXT in _speaking(groups)


def _speaking(groups: Sequence[GroupScore]) -> frozenset[Group]:
    return frozenset([group.group for group in groups if group.nats >= SPEAKS])


def _enough(speaking: frozenset[Group]) -> bool:
    return len(speaking) >= GROUPS_NEEDED and not speaking.isdisjoint(CHANGES)


class _Found(Struct, frozen=True, gc=False):
    """What was found: the groups, their sum, which of them speak, and those that may be held against the account.

    `sure_score` and `sure_speaking` are those by which it may be blocked.
    """

    groups: tuple[GroupScore, ...]
    score: float
    speaking: frozenset[Group]
    doubts: Sequence[GroupScore]
    sure_score: float
    sure_speaking: frozenset[Group]


def _found(profile: Profile, groups: tuple[GroupScore, ...], score: float) -> _Found:
    speaking, sure = _speaking(groups), convicting(groups)
    if sure is groups:
        return _Found(groups, score, speaking, doubts(profile, groups), score, speaking)
    sure_score = sum([group.nats for group in sure])
    return _Found(groups, score, speaking, doubts(profile, groups), sure_score, _speaking(sure))


class _Asked(Struct, frozen=True, gc=False):
    """Whom a transaction is for: how many strangers the next hop accepted, whether all are known, whether some wait."""

    strangers: int
    only_friends: bool
    paced: bool


def _asked(transaction: Transaction, strangers: Sequence[bool]) -> _Asked:
    statuses = [one.status for one in transaction.recipients]
    return _Asked(list(compress(statuses, strangers)).count(ACCEPTED), True not in strangers, PACED in statuses)


def has_changed(groups: Sequence[GroupScore]) -> bool:
    """Whether some evidence says that the account does what it never did."""
    return not _speaking(groups).isdisjoint(CHANGES)


def _marked(profile: Profile, found: _Found, at: float, policy: Policy) -> Profile:
    """The profile that remembers how suspicious it was."""
    # A day that is only unusually busy is learned: the second letter to the members is not as unusual as the first.
    if sum([group.nats for group in found.doubts]) >= policy.hold_score and not harmless(found.doubts):
        window = profile.window.narrow(at) if _enough(found.speaking) else profile.window
        profile = replace(profile, suspicious_day=profile.today.day, window=window)
    if at - profile.first_seen < WARM_UP:
        return profile
    score, blockable = profile.highest_score, profile.highest_blockable
    if found.score > score:
        score = min(found.score, 100.0)
    if found.sure_score > blockable and _enough(found.sure_speaking):
        blockable = min(found.sure_score, 100.0)
    if (score, blockable) == (profile.highest_score, profile.highest_blockable):
        return profile
    return replace(profile, highest_score=score, highest_blockable=blockable)


def _climb(profile: Profile, asked: _Asked, found: _Found, at: float, policy: Policy) -> Action:
    convicted = found.sure_score >= policy.block_score and _enough(found.sure_speaking)
    # Others say so too: an owner with a new telephone may write to his whole club. He is held, not blocked.
    if convicted and (not found.sure_speaking.isdisjoint(WITNESSES) or many_strangers(profile)):
        return Action.BLOCK
    doubtful = not found.speaking.isdisjoint(CHANGES) and on_hold(profile, found.doubts, at, policy)
    if doubtful and not (asked.only_friends and _quiet(profile, found.groups)):
        return Action.HOLD
    return Action.PACE if asked.paced else Action.ACCEPT


def _quiet(profile: Profile, groups: Sequence[GroupScore]) -> bool:
    """Whether a message to friends only has nothing to do with what is suspicious about the account."""
    copies = profile.texts.texts[-1].copies if profile.texts.texts else 0.0
    nats = {group.group: group.nats for group in groups}
    heard = nats[TEXT] < SPEAKS and nats[CAMPAIGN] < SPEAKS
    return heard and nats[CLIENT] < STRANGE and copies < FEW_COPIES
