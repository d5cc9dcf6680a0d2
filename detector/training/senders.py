"""What timelines tell of senders who are not people: how often many are written to, and how unevenly programs send."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median, pstdev

from detector.traffic.features import FEATURES
from detector.training.assumptions import Mailing
from detector.training.prior import LEAST_DAYS, Life, life_of, read_timeline

PROGRAMS = "_automated"  # so end the names of timelines of programs
MANY = 30.0  # recipients on a day: more than a meeting, as few as a club
INDEX = {feature.name: index for index, feature in enumerate(FEATURES)}


def programs(path: Path) -> list[Life]:
    """The lives of programs that write to a list, as if each message went to a customer of its own."""
    messages: dict[str, list[float]] = defaultdict(list)
    for sender, (time, _) in read_timeline(path):
        messages[sender].append(time)
    lives = [life_of((time, [f"{number}"]) for number, time in enumerate(times)) for times in messages.values()]
    return [life for life in lives if len(life.days) >= LEAST_DAYS]


def as_often(mailing: Mailing, lives: Sequence[Life]) -> Mailing:
    """With the share of active days on which those who ever write to many do, in the mean over such accounts."""
    daily = [[today.peaks[INDEX["recipients_24h"]] for today in life.days] for life in lives]
    shares = [fmean(peak >= MANY for peak in peaks) for peaks in daily if max(peaks) >= MANY]
    return mailing._replace(often=round(fmean(shares), 3)) if shares else mailing


def as_uneven(mailing: Mailing, lives: Sequence[Life]) -> Mailing:
    """With the spread of days, and the parts of a day that come within ten minutes and two hours: medians."""
    if not lives:
        return mailing
    days = [[[today.peaks[INDEX[name]] for today in life.days] for name in _NAMES] for life in lives]
    spread = median(pstdev(daily) / fmean(daily) for *_, daily in days)
    ten_minutes = median(fmean(peaks) / fmean(daily) for peaks, _, daily in days)
    two_hours = median(fmean(peaks) / fmean(daily) for _, peaks, daily in days)
    new = mailing.parts["new_recipients_24h"]
    parts = {
        "recipients_10m": ten_minutes,
        "recipients_2h": two_hours,
        "new_recipients_10m": new * ten_minutes,
        "automatic_recipients_2h": two_hours,
    }
    return mailing._replace(
        spread=round(spread, 3), parts={**mailing.parts, **{name: round(part, 3) for name, part in parts.items()}}
    )


_NAMES = ("recipients_10m", "recipients_2h", "recipients_24h")
