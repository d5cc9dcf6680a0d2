"""Group bulk: more mail, to more strangers, and more of the same, than the account's days usually bring.

Within a family the signals tell nearly the same story, so each family has one vote in the average (any fixed weights
leave the mean of e-values an e-value).
"""

from itertools import repeat
from math import log

from detector.mail.transaction import PERSONAL, Stream
from detector.traffic.baseline import Prior
from detector.traffic.features import FEATURES, FEATURES_OF, STREAMS, Measure
from detector.traffic.profile import Profile
from detector.verdict.odds import CAP, averaged, bounded, calibrated, unusual
from detector.verdict.verdict import BULK, Evidence, GroupScore

# An account without days of its own is compared with what is usual for people, but it may be a shop's program: fewer
# nats can be meant against it, until it is as old as cohorts are learned.
YOUNG_LESS = 3.0
GROWN_UP = 14.0  # active days
FAMILIES = (
    frozenset({Measure.RECIPIENTS, Measure.DOMAINS}),
    frozenset({Measure.FIRST_TIME, Measure.ASCENDING}),
    frozenset({Measure.SAME_TEXT, Measure.COPIES}),
)
INDEXES = {
    stream: tuple([index for family in FAMILIES for index in FEATURES_OF[stream] if FEATURES[index].measure in family])
    for stream in Stream
}
SIGNALS = {stream: [FEATURES[index].name for index in indexes] for stream, indexes in INDEXES.items()}
VOTES = {
    stream: tuple(
        [
            (places[0], places[-1] + 1)
            for family in FAMILIES
            if (places := [place for place, index in enumerate(indexes) if FEATURES[index].measure in family])
        ]
    )
    for stream, indexes in INDEXES.items()
}
"""Where the families stand in `INDEXES`."""


def weigh_bulk(profile: Profile, stream: Stream, prior: Prior) -> GroupScore:
    """The stream's counters against the peaks of ordinary days, and the run of messages to strangers."""
    indexes, features = INDEXES[stream], profile.counters.features
    values = [features[index] for index in indexes]
    expected, nats, votes = unusual(values, profile.baseline.expect_all(indexes, prior), VOTES[stream])
    evidence = list(map(Evidence, repeat(BULK), SIGNALS[stream], values, expected, nats))
    if stream is PERSONAL:
        evidence.append(_weigh_strangers(profile, prior))
        votes.append(evidence[-1].nats)
    days = profile.baseline.days[STREAMS.index(stream)]
    most = CAP - YOUNG_LESS * max(0.0, 1.0 - days / GROWN_UP)
    return GroupScore(BULK, min(bounded(averaged(votes)), most), tuple(evidence))


def _weigh_strangers(profile: Profile, prior: Prior) -> Evidence:
    """K messages to nobody but strangers, one after the other, have the probability q^k where q is their usual share.

    The first of them is not counted: some message must be the first.
    """
    count = profile.run.to_strangers
    surprise = -log(profile.baseline.stranger_rate(prior.strangers))
    nats = calibrated(max(count - 1, 0) * surprise)
    return Evidence(BULK, "to_strangers_in_a_row", count, 1.0 + 3.0 / surprise, nats)  # 1 in 20 runs is longer
