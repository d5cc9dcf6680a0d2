"""Counters that forget: what happened lately weighs more than what happened long ago."""

from math import exp2

from msgspec import Struct

from detector.mail.transaction import Stream
from detector.traffic.amounts import Amount, AnswerAmounts, FeatureAmounts
from detector.traffic.clock import latest
from detector.traffic.features import ANSWERS, FEATURES, LEVELS, Counter, Tally
from detector.traffic.sums import faded, with_tally


def decayed(value: float, half_life: float, elapsed: float) -> float:
    """What is left of `value` after `elapsed` seconds.

    >>> decayed(8.0, half_life=60.0, elapsed=120.0)
    2.0
    """
    # A clock that steps backwards must not create mail out of nothing.
    return value * exp2(-elapsed / half_life) if elapsed > 0.0 else value


class Counters(Struct, frozen=True, array_like=True, gc=False):
    """The counters of `features.ANSWERS` and `features.FEATURES`, all as they stood at `updated_at`.

    >>> counters = Counters().add(Stream.PERSONAL, Tally(recipients=8), now=0.0)
    >>> counters.at(600.0).features[0]
    4.0
    """

    updated_at: Amount = 0.0
    answers: AnswerAmounts = (0.0,) * len(ANSWERS)
    features: FeatureAmounts = (0.0,) * len(FEATURES)

    def at(self, now: float) -> "Counters":
        """Forget what time has taken."""
        at = latest(self.updated_at, now)
        elapsed = at - self.updated_at
        if elapsed <= 0.0:
            return self if at == self.updated_at else Counters(at, self.answers, self.features)
        left = [exp2(-elapsed / half_life) for half_life in HALF_LIVES]
        return Counters(at, faded(self.answers, left, OF_ANSWERS), faded(self.features, left, OF_FEATURES))

    def add(self, stream: Stream, tally: Tally, now: float) -> "Counters":
        """Forget what time has taken, then add what one transaction of the stream brings."""
        then = self.at(now)
        answers = with_tally(then.answers, ADDED_TO_ANSWERS[stream], tally)
        return Counters(then.updated_at, answers, with_tally(then.features, ADDED_TO_FEATURES[stream], tally))


# One page of arithmetic for all counters would be shorter, but this is the hottest path: half-lives are few.
HALF_LIVES = tuple(dict.fromkeys(counter.half_life for counter in (*ANSWERS, *FEATURES)))
OF_ANSWERS = tuple([HALF_LIVES.index(counter.half_life) for counter in ANSWERS])
OF_FEATURES = tuple([HALF_LIVES.index(counter.half_life) for counter in FEATURES])
Added = tuple[tuple[int, int, bool], ...]


def _added(counters: tuple[Counter, ...]) -> dict[Stream, Added]:
    return {
        stream: tuple(
            (index, int(counter.measure), counter.measure in LEVELS)
            for index, counter in enumerate(counters)
            if counter.stream is stream
        )
        for stream in Stream
    }


ADDED_TO_ANSWERS, ADDED_TO_FEATURES = _added(ANSWERS), _added(FEATURES)
