"""Counters that forget: what happened lately weighs more than what happened long ago."""

from math import exp2

from msgspec import Struct

from detector.mail.transaction import Stream
from detector.traffic.amounts import Amount, AnswerAmounts, FeatureAmounts
from detector.traffic.clock import latest
from detector.traffic.features import ANSWERS, FEATURES, LEVELS, Counter, Measure, Tally


def decayed(value: float, half_life: float, elapsed: float) -> float:
    """What is left of `value` after `elapsed` seconds.

    >>> decayed(8.0, half_life=60.0, elapsed=120.0)
    2.0
    """
    # A clock that steps backwards must not create mail out of nothing.
    return value * exp2(-elapsed / half_life) if elapsed > 0.0 else value


class Counters(Struct, frozen=True, array_like=True):
    """The counters of `features.ANSWERS` and `features.FEATURES`, all as they stood at `updated_at`.

    >>> counters = Counters().add(Stream.PERSONAL, Tally(recipients=8), now=0.0)
    >>> counters.at(600.0).features[0]
    4.0
    """

    updated_at: Amount = 0.0
    answers: AnswerAmounts = (0.0,) * len(ANSWERS)
    features: FeatureAmounts = (0.0,) * len(FEATURES)

    def at(self, now: float) -> "Counters":
        return self.add(Stream.PERSONAL, Tally(), now)

    def add(self, stream: Stream, tally: Tally, now: float) -> "Counters":
        """Forget what time has taken, then add what one transaction of the stream brings."""
        at = latest(self.updated_at, now)
        elapsed = at - self.updated_at
        return Counters(
            at,
            _add(ANSWERS, self.answers, stream, tally, elapsed),
            _add(FEATURES, self.features, stream, tally, elapsed),
        )


def _add(
    counters: tuple[Counter, ...], values: tuple[float, ...], stream: Stream, tally: Tally, elapsed: float
) -> tuple[float, ...]:
    return tuple(
        [
            _after(decayed(value, counter.half_life, elapsed), counter.measure, tally)
            if counter.stream is stream
            else decayed(value, counter.half_life, elapsed)
            for counter, value in zip(counters, values, strict=True)
        ]
    )


def _after(value: float, measure: Measure, tally: Tally) -> float:
    new = tally[measure]
    return (new or value) if measure in LEVELS else value + new
