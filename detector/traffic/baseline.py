"""What is usual for an account: one summary for each active day, learned from clean days only."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from detector.mail.transaction import Stream
from detector.traffic.amounts import AnswerAmounts, AnswerNumbers, FeatureAmounts, FeatureSquares, Number, StreamNumbers
from detector.traffic.features import ANSWERS, ANSWERS_OF, FEATURES, FEATURES_OF, STREAM_INDEX, STREAMS, Tally

MOST_DAYS = 45  # older days fade: the mean becomes a moving one
PRIOR_DAYS = 5.0  # the cohort weighs as much as so many days of the account's own
MOST_ANSWERS = 1000.0  # an account's own history of refusals never weighs more than so many recipients


@dataclass(frozen=True, slots=True)
class Prior:
    """What is usual for the cohort, in the order of `features.FEATURES`, learned from many accounts.

    `means` and `variances` are medians over accounts (a mean would be set by the few who send in bulk). No variance is
    taken for less than `dispersions` times its mean: the few days that were seen seldom show the tail. `refusals` are
    for each stream the weights (refused, accepted) of a Beta distribution.
    """

    means: tuple[float, ...]
    variances: tuple[float, ...]
    dispersions: tuple[float, ...]
    refusals: tuple[tuple[float, float], ...]


class Today(Struct, frozen=True, array_like=True):
    """The highest value of each feature on a UTC day, and the next hop's answers of that day."""

    day: Number = 0
    peaks: FeatureAmounts = (0.0,) * len(FEATURES)
    answers: AnswerNumbers = (0,) * len(ANSWERS)

    def add(self, stream: Stream, features: Sequence[float], tally: Tally) -> "Today":
        """A day to which the transaction was added; `features` are the counters after it."""
        peaks, answers = list(self.peaks), list(self.answers)
        for index in FEATURES_OF[stream]:
            peaks[index] = max(peaks[index], features[index])
        for index in ANSWERS_OF[stream]:
            answers[index] += tally[ANSWERS[index].measure]
        return Today(self.day, tuple(peaks), tuple(answers))


class Baseline(Struct, frozen=True, array_like=True):
    """Running mean and variance of the daily peaks, `days` for each stream, and the answers of the past."""

    days: StreamNumbers = (0,) * len(STREAMS)
    means: FeatureAmounts = (0.0,) * len(FEATURES)
    variances: FeatureSquares = (0.0,) * len(FEATURES)
    answers: AnswerAmounts = (0.0,) * len(ANSWERS)

    def learn(self, today: Today) -> "Baseline":
        """The baseline with one more day; a stream without mail on that day learns nothing."""
        days, means, variances = list(self.days), list(self.means), list(self.variances)
        for which, stream in enumerate(STREAMS):
            if not any(today.peaks[index] for index in FEATURES_OF[stream]):
                continue
            days[which] = min(days[which] + 1, MOST_DAYS)
            for index in FEATURES_OF[stream]:
                distance = today.peaks[index] - means[index]
                means[index] += distance / days[which]
                # Welford's update; at the cap it becomes an exponentially weighted one.
                variances[index] += (distance * (today.peaks[index] - means[index]) - variances[index]) / days[which]
        return Baseline(tuple(days), tuple(means), tuple(variances), self._answers_with(today))

    def _answers_with(self, today: Today) -> tuple[float, ...]:
        answers = [past + new for past, new in zip(self.answers, today.answers, strict=True)]
        for answered, refused in ANSWERS_OF.values():
            if answers[answered] > MOST_ANSWERS:
                answers[refused] *= MOST_ANSWERS / answers[answered]
                answers[answered] = MOST_ANSWERS
        return tuple(answers)

    def expect(self, index: int, prior: Prior) -> tuple[float, float]:
        """Mean and variance of a feature's daily peak: own days and cohort, weighted (empirical Bayes)."""
        days = self.days[STREAM_INDEX[index]]
        share = days / (days + PRIOR_DAYS)
        mean = share * self.means[index] + (1.0 - share) * prior.means[index]
        variance = share * self.variances[index] + (1.0 - share) * prior.variances[index]
        return mean, max(variance, prior.dispersions[index] * mean)

    def refusal_rate(self, stream: Stream, prior: Prior) -> float:
        """The usual share of refused recipients.

        Never less than the cohort's: whoever has a year of clean mail may still write to an old address book once.
        """
        answered, refused = (self.answers[index] for index in ANSWERS_OF[stream])
        prior_refused, prior_accepted = prior.refusals[STREAMS.index(stream)]
        prior_weight = prior_refused + prior_accepted
        return max(prior_refused / prior_weight, (prior_refused + refused) / (prior_weight + answered))
