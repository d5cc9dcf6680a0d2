"""Declared bulk: whether an account keeps within what was announced for it.

Counters that forget by halves do not know what exactly came within an hour, but there is a most that they can show of
an account that keeps its declaration: all recipients of a period at once, period after period. An account that stands
higher is above its declaration; one that keeps it never is.

The other way round it is tolerant. Above an hour's ceiling is surely what comes to

    after a day without mail   1.01 times at once   1.4 times in half an hour   2.2 times in an hour
    after a busy day           1.02 times at once   2.5 times in half an hour   4 times in an hour

and later what is 1.2 times as much hour by hour. Mail of stream automatic is not counted over ten minutes: after a
busy day only 4 times is surely above. Above a day's ceiling is what comes to twice as much at once, or to 1.5 times on
a UTC day.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import exp2

from detector.traffic.clock import DAY, day_of, latest
from detector.traffic.features import ANSWERS, FEATURES, HOURS, Measure
from detector.traffic.profile import Profile

HALF_LIVES = sorted({one.half_life for one in FEATURES if one.measure is Measure.RECIPIENTS})
LEFT_OVER = 1.5  # what the next hop deferred yesterday may be answered today: up to half of a day's mail
ROUNDING = 1e-6  # share of a ceiling: the counters are sums of many rounded numbers


@dataclass(frozen=True, slots=True)
class Declaration:
    """Ceilings in recipients, of all streams together. None: nothing was declared for this period."""

    recipients_per_hour: int | None = None
    recipients_per_day: int | None = None

    def __bool__(self) -> bool:
        return self != Declaration()

    def __str__(self) -> str:
        """In words, empty when nothing was declared.

        >>> str(Declaration(500, 2000)), str(Declaration())
        ('at most 500 recipients an hour and 2000 a day', '')
        """
        hourly = "" if self.recipients_per_hour is None else f"{self.recipients_per_hour} recipients an hour"
        what = "" if hourly else "recipients "
        daily = "" if self.recipients_per_day is None else f"{self.recipients_per_day} {what}a day"
        return f"at most {' and '.join(filter(None, (hourly, daily)))}" if self else ""


def within(profile: Profile, declaration: Declaration, now: float) -> bool:
    """Whether the account's counters can be those of one that keeps it; `now` in Unix seconds.

    Without ceilings always. Ask after the transaction was counted.
    """
    totals = _totals(profile, now)
    hourly, daily = declaration.recipients_per_hour, declaration.recipients_per_day
    if hourly is not None and not _kept(totals, hourly, HOURS):
        return False
    return daily is None or (_kept(totals, daily, DAY) and _answered_today(profile, now) <= LEFT_OVER * daily)


def _totals(profile: Profile, now: float) -> dict[float, float]:
    """Recipients of all streams by the half-life of their counters, shortest first."""
    totals = dict.fromkeys(HALF_LIVES, 0.0)
    for one, value in zip(FEATURES, profile.counters.at(now).features, strict=True):
        if one.measure is Measure.RECIPIENTS:
            totals[one.half_life] += value
    return totals


def _kept(totals: dict[float, float], most: int, period: float) -> bool:
    """Whether an account that sends to at most `most` recipients in any `period` (seconds) can have these counters."""
    slack = ROUNDING * most
    # All at once in each period: a geometric series.
    if any(total > most / (1.0 - exp2(-period / half_life)) + slack for half_life, total in totals.items()):
        return False
    # A counter less this share of a slower one is positive only for mail that is younger than the period, and most
    # for mail of this moment: what came earlier cannot excuse it.
    for (fast, total), (slow, slower) in pairwise(totals.items()):
        share = exp2(-period * (1.0 / fast - 1.0 / slow))
        if total - share * slower > most * (1.0 - share) + slack:
            return False
    return True


def _answered_today(profile: Profile, now: float) -> int:
    """How many recipients the next hop has accepted or refused on this UTC day."""
    if profile.today.day != day_of(latest(profile.counters.updated_at, now)):
        return 0
    answers = zip(ANSWERS, profile.today.answers, strict=True)
    return sum(count for one, count in answers if one.measure is Measure.ANSWERED)
