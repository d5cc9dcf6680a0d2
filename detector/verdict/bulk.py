"""Group bulk: more recipients, or more strangers among them, than the account's days usually bring."""

from math import sqrt

from detector.mail.transaction import Stream
from detector.traffic.baseline import Prior
from detector.traffic.features import FEATURES, FEATURES_OF
from detector.traffic.profile import Profile
from detector.verdict.odds import averaged, bounded, calibrated, too_many
from detector.verdict.verdict import Evidence, Group, GroupScore


def weigh_bulk(profile: Profile, stream: Stream, prior: Prior) -> GroupScore:
    """The stream's counters against the peaks of ordinary days."""
    evidence = tuple([_weigh(profile, index, prior) for index in FEATURES_OF[stream]])
    return GroupScore(Group.BULK, bounded(averaged([one.nats for one in evidence])), evidence)


def _weigh(profile: Profile, index: int, prior: Prior) -> Evidence:
    value = profile.counters.features[index]
    mean, variance = profile.baseline.expect(index, prior)
    nats = calibrated(too_many(value, mean, variance))
    # People read "at most": two standard deviations above the mean of the daily peaks.
    return Evidence(Group.BULK, FEATURES[index].name, value, mean + 2.0 * sqrt(variance), nats)
