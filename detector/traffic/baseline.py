"""What is usual for an account: one summary for each active day, learned from clean days only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from detector.mail.transaction import Stream
from detector.traffic.amounts import (
    Amount,
    AnswerAmounts,
    AnswerNumbers,
    Bits,
    FeatureAmounts,
    FeatureSquares,
    Number,
    StreamNumbers,
)
from detector.traffic.features import ANSWERS, ANSWERS_OF, FEATURES, FEATURES_OF, STREAM_INDEX, STREAMS, Tally
from detector.traffic.reached import MOST_BYTES
from detector.traffic.sums import expected, highest

MOST_DAYS = 45  # older days fade: the mean becomes a moving one
PRIOR_DAYS = 5.0  # the cohort weighs as much as so many days of the account's own
MOST_BAD = 0.5  # a list of which half is bad is never usual
MOST_MESSAGES = 200.0  # then both counts are halved: people find new circles
MOST_ANSWERS = 1000.0  # an account's own history of refusals never weighs more than so many recipients


class Strangers(NamedTuple):
    """How many messages go to nobody that was known: weights of a Beta distribution, and the least share to assume.

    People: measured on real timelines, runs of such messages are as rare with it as independent draws
    (`models/ledger/README.md`).
    """

    strangers: float = 2.0
    others: float = 6.0
    least: float = 0.1

    @property
    def share(self) -> float:
        return self.strangers / (self.strangers + self.others)


PEOPLE = Strangers()
Reached = Annotated[bytes, Meta(max_length=MOST_BYTES)]


@dataclass(frozen=True, slots=True)
class Prior:
    """What is usual for the cohort, in the order of `features.FEATURES`, learned from many accounts.

    `means` and `variances` are medians over accounts (a mean would be set by the few who send in bulk). No variance is
    taken for less than `dispersions` times its mean: the few days that were seen seldom show the tail. `refusals` are
    for each stream the weights (refused, accepted) of a Beta distribution, `objections` the weights (unwanted, not).
    """

    means: tuple[float, ...]
    variances: tuple[float, ...]
    dispersions: tuple[float, ...]
    refusals: tuple[tuple[float, float], ...]
    objections: tuple[tuple[float, float], ...]
    strangers: Strangers = PEOPLE


class Today(Struct, frozen=True, array_like=True, gc=False):
    """The highest value of each feature on a UTC day, and the answers of that day.

    `domains` has the hashes of the recipients' domains as bits; `reached` are the recipients, `reached_before` those of
    the day before, packed by `traffic.reached`.
    """

    day: Number = 0
    peaks: FeatureAmounts = (0.0,) * len(FEATURES)
    answers: AnswerNumbers = (0,) * len(ANSWERS)
    domains: Bits = 0
    messages: Number = 0
    to_strangers: Number = 0
    reached: Reached = b""
    reached_before: Reached = b""

    def add(self, stream: Stream, features: Sequence[float], tally: Tally) -> "Today":
        """A day to which the transaction was added; `features` are the counters after it."""
        return self.meet(stream, tuple(features), tally, (0, self.reached))

    def meet(self, stream: Stream, features: tuple[float, ...], tally: Tally, recipients: tuple[int, bytes]) -> "Today":
        """The same with its recipients: the bits of their domains, and all whom the day has reached with them."""
        domains, reached = recipients
        return Today(
            self.day,
            highest(self.peaks, features, FEATURES_OF[stream]),
            self._answers_with(stream, tally),
            self.domains | domains,
            self.messages + tally.messages,
            self.to_strangers + tally.to_strangers,
            reached,
            self.reached_before,
        )

    def _answers_with(self, stream: Stream, tally: Tally) -> tuple[int, ...]:
        if not tally.answered and not tally.refused and not tally.unwanted:
            return self.answers
        answers = list(self.answers)
        for index in ANSWERS_OF[stream]:
            answers[index] += int(tally[ANSWERS[index].measure])
        return tuple(answers)

    def next(self, day: int) -> "Today":
        """A day that begins."""
        return Today(day, reached_before=self.reached if day == self.day + 1 else b"")

    def answer(self, stream: Stream, tally: Tally) -> "Today":
        """A day on which results came in of what was sent before."""
        return self.add(stream, self.peaks, tally)


class Baseline(Struct, frozen=True, array_like=True, gc=False):
    """Running mean and variance of the daily peaks, `days` for each stream, and the answers of the past."""

    days: StreamNumbers = (0,) * len(STREAMS)
    means: FeatureAmounts = (0.0,) * len(FEATURES)
    variances: FeatureSquares = (0.0,) * len(FEATURES)
    answers: AnswerAmounts = (0.0,) * len(ANSWERS)
    messages: Amount = 0.0
    to_strangers: Amount = 0.0

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
        messages, to_strangers = self.messages + today.messages, self.to_strangers + today.to_strangers
        if messages > MOST_MESSAGES:
            messages, to_strangers = messages / 2.0, to_strangers / 2.0
        return Baseline(tuple(days), tuple(means), tuple(variances), self._answers_with(today), messages, to_strangers)

    def _answers_with(self, today: Today) -> tuple[float, ...]:
        answers = [past + new for past, new in zip(self.answers, today.answers, strict=True)]
        for answered, *bad in ANSWERS_OF.values():
            if answers[answered] > MOST_ANSWERS:
                for which in bad:
                    answers[which] *= MOST_ANSWERS / answers[answered]
                answers[answered] = MOST_ANSWERS
        return tuple(answers)

    def expect(self, index: int, prior: Prior) -> tuple[float, float]:
        """Mean and variance of a feature's daily peak: own days and cohort, weighted (empirical Bayes)."""
        return self.expect_all((index,), prior)[0]

    def expect_all(self, indexes: tuple[int, ...], prior: Prior) -> list[tuple[float, float]]:
        """The same for several features of one stream."""
        days = self.days[STREAM_INDEX[indexes[0]]]
        share, usual = days / (days + PRIOR_DAYS), (prior.means, prior.variances, prior.dispersions)
        return expected(indexes, share, (self.means, self.variances), usual)

    def stranger_rate(self, usual: Strangers = PEOPLE) -> float:
        """The usual share of messages of which no recipient was known.

        The account's own together with the cohort's; its first messages go to strangers as everybody's do.
        """
        return max(self.strangers(usual), 9.0 / (10.0 + self.messages), usual.least)

    def strangers(self, usual: Strangers = PEOPLE) -> float:
        """The account's own share of messages to strangers, which begins as the cohort's."""
        # A stored profile may have been damaged: more of them than messages would make a share that nothing surprises.
        to_strangers = min(self.to_strangers, self.messages)
        return (usual.strangers + to_strangers) / (usual.strangers + usual.others + self.messages)

    def bad_rate(self, index: int, stream: Stream, weights: tuple[float, float]) -> float:
        """The usual share of recipients with a bad answer, counted by `ANSWERS[index]`; `weights` are the cohort's.

        Never less than the cohort's: whoever has a year of clean mail may still write to an old address book once.
        """
        answered = self.answers[ANSWERS_OF[stream][0]]
        prior_bad, prior_good = weights
        prior_weight = prior_bad + prior_good
        own = (prior_bad + self.answers[index]) / (prior_weight + answered)
        usual = prior_bad / prior_weight
        return min(max(usual, own), MOST_BAD)
