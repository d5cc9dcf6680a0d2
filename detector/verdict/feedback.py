"""Group feedback: the next hop refuses more of the account's recipients than usual."""

from detector.mail.transaction import Stream
from detector.traffic.baseline import Prior
from detector.traffic.features import ANSWERS, ANSWERS_OF
from detector.traffic.profile import Profile
from detector.verdict.odds import bad_list, bounded
from detector.verdict.verdict import Evidence, Group, GroupScore


def weigh_feedback(profile: Profile, stream: Stream, prior: Prior) -> GroupScore:
    """Refused recipients of the last day; `expected` is how many of so many are usual. No answers say nothing."""
    answered_index, refused_index = ANSWERS_OF[stream]
    answered, refused = profile.counters.answers[answered_index], profile.counters.answers[refused_index]
    usual = profile.baseline.refusal_rate(stream, prior)
    nats = bad_list(refused, answered, usual)
    evidence = Evidence(Group.FEEDBACK, ANSWERS[refused_index].name, refused, usual * answered, nats)
    return GroupScore(Group.FEEDBACK, bounded(nats), (evidence,))
