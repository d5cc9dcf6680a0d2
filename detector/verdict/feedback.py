"""Group feedback: recipients, and those who receive for them, turn away more of the account's mail than usual.

The two terms are factors of one e-value, so they are added: first whether there is such a recipient, and then, of those
there are, whether the mail is wanted.
"""

from detector.mail.transaction import Stream
from detector.traffic.baseline import Prior
from detector.traffic.features import ANSWERS, ANSWERS_OF, STREAMS
from detector.traffic.profile import Profile
from detector.verdict.odds import Alternative, bad_list, bounded
from detector.verdict.verdict import Evidence, Group, GroupScore

# What a thief's list may be like: any share of bad addresses, a quarter in the mean.
# An old address book goes bad in clusters.
STOLEN_LIST = Alternative(1.0, 3.0, 50.0)
# What becomes of a thief's mail: most of it passes the filters of the world, one in twenty is turned away as spam. Each
# receiving host decides for itself.
UNWANTED_MAIL = Alternative(1.0, 19.0, 500.0)


def weigh_feedback(profile: Profile, stream: Stream, prior: Prior) -> GroupScore:
    """Bad answers of the last day; `expected` is how many of so many are usual. No answers say nothing."""
    answered, refused, unwanted = ANSWERS_OF[stream]
    number = STREAMS.index(stream)
    evidence = (
        _weigh(profile, stream, (answered, refused), prior.refusals[number], STOLEN_LIST),
        _weigh(profile, stream, (answered, unwanted), prior.objections[number], UNWANTED_MAIL),
    )
    return GroupScore(Group.FEEDBACK, bounded(sum([one.nats for one in evidence])), evidence)


def _weigh(
    profile: Profile, stream: Stream, which: tuple[int, int], weights: tuple[float, float], alternative: Alternative
) -> Evidence:
    answered, bad = (profile.counters.answers[index] for index in which)
    if which[1] == ANSWERS_OF[stream][2]:
        answered -= min(profile.counters.answers[ANSWERS_OF[stream][1]], answered)
    usual = profile.baseline.bad_rate(which[1], stream, weights)
    nats = bad_list(bad, answered, usual, alternative)
    return Evidence(Group.FEEDBACK, ANSWERS[which[1]].name, bad, usual * answered, nats)
