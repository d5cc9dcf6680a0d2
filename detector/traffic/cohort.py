"""Cohorts: what kind of sender an account is, so that it is compared with its like.

An operator assigns one; otherwise it is learned from the account's own clean days: the cohort whose usual day is
nearest on a logarithmic scale, which is the likeliest one where accounts of a cohort differ by factors.
"""

from enum import StrEnum
from math import log
from typing import NamedTuple

from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.traffic.baseline import Baseline, Prior
from detector.traffic.clock import DAY
from detector.traffic.features import FEATURES, STREAMS
from detector.traffic.profile import Leaning, Profile

LEARNED_AFTER = 14 * DAY  # nobody becomes something else within days, least of all a thief's account
IN_A_ROW = 7  # active clean days on which it was the same other cohort: one large mailing is no habit
# Natural logarithm of the factor by which accounts of a cohort differ. Measured on people: 0.5 to 0.9; the open world
# is wider than two houses.
SPREAD = 1.0
# A program's days may be as even as a watch, or a month's invoices on one of them: how uneven they are says little.
UNEVENNESS_SPREADS = (SPREAD, SPREAD, 3.0)
MARGIN = 3.0  # nats: twenty times as likely as the present one, or it does not change


class Cohort(StrEnum):
    """The order is that of the numbers in profiles: person is 1."""

    PERSON = "person"  # somebody who writes mail
    ORGANISATION = "organisation"  # a club, shop or office that also writes to many at a time
    APPLICATION = "application"  # a program: order confirmations, notifications, tickets


COHORTS = tuple(Cohort)
_INDEX = {feature.name: index for index, feature in enumerate(FEATURES)}
_DAILY, _NEW, _COPIES = _INDEX["recipients_24h"], _INDEX["new_recipients_24h"], _INDEX["copies_24h"]
_PERSONAL = STREAMS.index(Stream.PERSONAL)


class Priors(NamedTuple):
    """What is usual for each cohort, in the order of `Cohort`."""

    person: Prior
    organisation: Prior
    application: Prior

    def of(self, cohort: int) -> Prior:
        """By the number in a profile: 0, not known yet, is a person."""
        return self[max(cohort - 1, 0)]

    def named(self, cohort: Cohort) -> Prior:
        return self[COHORTS.index(cohort)]


def learn_cohort(profile: Profile, day: int, priors: Priors) -> Profile:
    """To be called with the profile as it is on a day (Unix days): once a day it says what the account is."""
    if any(profile.today.peaks) or not profile.baseline.days[_PERSONAL]:  # today's mail has begun
        return profile
    if 0 < day - profile.suspicious_day <= 2:  # no day was learned since
        return profile
    leaning = _leaning(profile, nearest(profile.baseline, profile.cohort, priors))
    if leaning.days < IN_A_ROW or day * DAY - profile.first_seen < LEARNED_AFTER:
        return replace(profile, leaning=leaning)
    return replace(profile, cohort=leaning.cohort, leaning=leaning)


def _leaning(profile: Profile, cohort: int) -> Leaning:
    past = profile.leaning
    return Leaning(cohort, min(past.days + 1, IN_A_ROW) if cohort == past.cohort else 1)


def nearest(baseline: Baseline, present: int, priors: Priors) -> int:
    """The number of the likeliest cohort, which is the present one unless another is likelier by `MARGIN`."""
    present = present or 1
    scores = likelihoods(baseline, priors)
    best = scores.index(max(scores)) + 1
    return best if scores[best - 1] >= scores[present - 1] + MARGIN else present


def likelihoods(baseline: Baseline, priors: Priors) -> list[float]:
    """For each cohort the logarithm of its likelihood, up to what is the same for all."""
    # A server that is shown no texts (a log) knows of no copies.
    levels = (_DAILY, _NEW, _COPIES) if baseline.means[_COPIES] else (_DAILY, _NEW)
    own = _shape(baseline, baseline.strangers(), levels)
    shapes = [_shape(prior, prior.strangers.share, levels) for prior in priors]
    return [_alike(own, shape, unevenness) for shape, unevenness in zip(shapes, UNEVENNESS_SPREADS, strict=True)]


def _alike(own: list[float], usual: list[float], unevenness: float) -> float:
    """Log-likelihood under normal distributions around what is usual."""
    spreads = [SPREAD] * (len(own) - 1) + [unevenness]
    return -sum([
        ((ours - theirs) / spread) ** 2 / 2.0 + log(spread)
        for ours, theirs, spread in zip(own, usual, spreads, strict=True)
    ])  # fmt: skip


def _shape(days: Baseline | Prior, strangers: float, levels: tuple[int, ...]) -> list[float]:
    """How much on a day, how much of it new, how much of it alike, how many strangers, and how uneven the days."""
    # A message a day more or less is no difference.
    amounts = [log(1.0 + days.means[index]) for index in levels]
    return [*amounts, log(strangers), log(1.0 + days.variances[_DAILY] / (1.0 + days.means[_DAILY]))]
