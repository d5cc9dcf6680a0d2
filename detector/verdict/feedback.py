"""Group feedback: recipients, and those who receive for them, turn away more of the account's mail than usual.

The terms are factors of one e-value, so they are added: first whether there is such a recipient, and then, of those
there are, whether the mail is wanted. Who has complained and gets mail again has answered for it already: it counts as
one more that is not wanted, and what that adds is told apart. So is what answers add that are too little to convict by.
"""

from collections.abc import Sequence

from msgspec import Struct

from detector.mail.transaction import PERSONAL, Stream
from detector.traffic.baseline import Prior
from detector.traffic.features import ANSWERS, ANSWERS_OF, FEATURES, STREAMS
from detector.traffic.profile import Profile
from detector.verdict.odds import Alternative, bad_list, bounded, with_rare_excuse
from detector.verdict.verdict import FEEDBACK, Evidence, GroupScore

# What a thief's list may be like: any share of bad addresses, a quarter in the mean.
# An old address book goes bad in clusters.
STOLEN_LIST = Alternative(1.0, 3.0, 50.0)
# One large mailing of ten honest ones (a wedding, a change of address) goes through an old address book, of which any
# share may be bad.
EXCUSED = 0.10
OWN_BOOK = 0.92  # the most strangers that there are in one's own
NAMES, SIGNALS = [feature.name for feature in FEATURES], [answer.name for answer in ANSWERS]
AUTOMATICALLY_REACHED = NAMES.index("automatic_recipients_24h")
REACHED, STRANGERS = NAMES.index("recipients_24h"), NAMES.index("new_recipients_24h")
# What becomes of a thief's mail: most of it passes the filters of the world, one in twenty is turned away as spam. Each
# receiving host decides for itself.
UNWANTED_MAIL = Alternative(1.0, 19.0, 500.0)
ALWAYS = 2
"""Pieces of evidence that always stand there: refused and unwanted. Others are told where there are some."""
DOUBTFUL, AGAIN = "doubtful_24h", "to_complainers_24h"
# Complaints are reports, and a list of complainers that nobody can check must not convict who writes to them again.
NOT_CONVICTING = frozenset({DOUBTFUL, AGAIN})


def weigh_feedback(profile: Profile, stream: Stream, prior: Prior, accepted: int = 0) -> GroupScore:
    """Bad answers of the last day; `expected` is how many of so many are usual. No answers say nothing.

    `accepted` recipients of the transaction in question are good answers for now: those refused are counted already.
    So are those who were accepted beside refused ones in personal mail that we hold: they cannot answer as long as we
    do, and a list of which a few are refused at once must not look as if these were all.
    """
    which, refused, unwanted = ANSWERS_OF[stream]
    answers, number = profile.counters.answers, STREAMS.index(stream)
    answered = answers[which] + accepted
    if profile.lately.withheld and stream is PERSONAL:
        answered += profile.lately.at(profile.counters.updated_at).withheld
    refusals = Odds(prior.refusals[number], STOLEN_LIST, _excuse(profile, stream))
    objections = Odds(prior.objections[number], UNWANTED_MAIL)

    def weighed(bad: float, not_wanted: float) -> tuple[Evidence, Evidence]:
        existing = max(answered - bad, not_wanted)
        return (
            _weigh(profile, stream, refused, (bad, answered), refusals),
            _weigh(profile, stream, unwanted, (not_wanted, existing), objections),
        )

    evidence: tuple[Evidence, ...] = weighed(answers[refused], answers[unwanted])
    existing = max(answered - answers[refused], answers[unwanted])
    if profile.doubtful:
        bad, not_wanted = profile.doubtful.but_for(profile.counters.updated_at)
        sure = weighed(max(answers[refused] - bad, 0.0), max(answers[unwanted] - not_wanted, 0.0))
        more = sum([one.nats for one in evidence]) - sum([one.nats for one in sure])
        evidence = (*sure, Evidence(FEEDBACK, DOUBTFUL, bad + not_wanted, 0.0, max(more, 0.0)))
    complainers = profile.complainers
    if complainers.again and (again := complainers.at(profile.counters.updated_at).again):
        evidence = (*evidence, _weigh_again(profile, stream, again, existing, objections))
    return GroupScore(FEEDBACK, bounded(sum([one.nats for one in evidence])), evidence)


def convicting(groups: Sequence[GroupScore]) -> Sequence[GroupScore]:
    """The groups with only so much of the feedback as an account may be blocked by; they themselves if that is all."""
    for group in groups:
        if group.group is FEEDBACK and len(group.evidence) > ALWAYS:
            return [_convicting(one) if one is group else one for one in groups]
    return groups


def _convicting(group: GroupScore) -> GroupScore:
    evidence = tuple(one for one in group.evidence if one.signal not in NOT_CONVICTING)
    return GroupScore(FEEDBACK, bounded(sum([one.nats for one in evidence])), evidence)


def _excuse(profile: Profile, stream: Stream) -> float:
    """An address book is the account's own only where it knows some of those in it."""
    reached, strangers = profile.counters.features[REACHED], profile.counters.features[STRANGERS]
    return EXCUSED if stream is PERSONAL and 0.0 < strangers <= OWN_BOOK * reached else 0.0


class Odds(Struct, frozen=True, gc=False):
    """What is usual for the cohort, as weights (bad, good), and what it may be when something is wrong.

    `excuse` is the share of honest mailings that may have as many bad answers as a thief's.
    """

    usual: tuple[float, float]
    alternative: Alternative
    excuse: float = 0.0


def _weigh(profile: Profile, stream: Stream, index: int, count: tuple[float, float], odds: Odds) -> Evidence:
    """`count`: so many bad ones of all."""
    bad, answered = count
    usual = profile.baseline.bad_rate(index, stream, odds.usual)
    nats = bad_list(bad, answered, usual, odds.alternative) if answered or bad else 0.0
    if odds.excuse:
        nats = with_rare_excuse(nats, odds.excuse)
    return Evidence(FEEDBACK, SIGNALS[index], bad, usual * answered, nats)


def _weigh_again(profile: Profile, stream: Stream, again: float, answered: float, odds: Odds) -> Evidence:
    """What mail to complainers adds to the objections; never less than nothing.

    They are no strangers, as those who answered are, but some of all who were reached: a letter to a list has a few.
    """
    index = ANSWERS_OF[stream][2]
    bad = profile.counters.answers[index]
    usual = profile.baseline.bad_rate(index, stream, odds.usual)
    reached = profile.counters.features[REACHED if stream is PERSONAL else AUTOMATICALLY_REACHED]
    with_them = bad_list(bad + again, max(answered + again, reached), usual, odds.alternative)
    without = bad_list(bad, max(answered, reached), usual, odds.alternative)
    return Evidence(FEEDBACK, AGAIN, again, 0.0, max(with_them - without, 0.0))
