"""Learns what is usual for people from real sending timelines."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import exp
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple
from zlib import crc32

from detector.mail.transaction import Stream
from detector.models import Moments
from detector.traffic.baseline import MOST_DAYS, Baseline, Prior, Today
from detector.traffic.clock import day_of
from detector.traffic.counters import Counters
from detector.traffic.features import FEATURES, FEATURES_OF, Measure, Tally
from detector.traffic.run import Run
from detector.training.assumptions import AUTOMATIC, COPIES
from detector.verdict.odds import CAP, calibrated, too_many

LEARNED_FIRST = MOST_DAYS // 3  # days that are not judged: the account's own baseline is still young
LEAST_DAYS = 10  # accounts with fewer active days say little about a variance
# The timelines show mail inside one organisation only; open mail is assumed to reach so many times as many strangers.
OPEN_WORLD = 2.5
DISPERSIONS = [1.0 + step / 4 for step in range(61)]

Message = tuple[float, list[str]]


def read_timeline(path: Path) -> Iterator[tuple[str, Message]]:
    """Sender, and time and recipients of each message, in order of time."""
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            yield row["sender"], (float(row["timestamp_utc_seconds"]), row["recipients"].split(";"))


class Life(NamedTuple):
    """An account's active days, and for each the most messages in a row to nobody that was known."""

    days: list[Today]
    runs: list[int]


def lives(path: Path) -> list[Life]:
    """Each account of a timeline that has enough active days."""
    accounts: dict[str, list[Message]] = defaultdict(list)
    for sender, message in read_timeline(path):
        accounts[sender].append(message)
    return [life for life in map(life_of, accounts.values()) if len(life.days) >= LEAST_DAYS]


def life_of(messages: Iterable[Message]) -> Life:
    """The days of one account, by the counters that the judge uses."""
    days: list[Today] = []
    runs: list[int] = []
    counters, known, run = Counters(), set[str](), Run()
    domains, reached = set[str](), set[str]()
    for time, recipients in messages:
        if not days or days[-1].day != day_of(time):
            days.append(Today(day_of(time)))
            runs.append(0)
            domains, reached = set[str](), set[str]()
        first_time = [recipient for recipient in dict.fromkeys(recipients) if recipient not in known]
        only_strangers = len(first_time) == len(set(recipients))
        for recipient in first_time:
            run = run.add(_letters(recipient))
        run = run.message(only_strangers)
        # The timelines have no domains: no day can have more of them than recipients.
        domains.update(recipients)
        tally = Tally(
            recipients=len(set(recipients) - reached),
            first_time=len(first_time),
            same_text=float(len(recipients)),
            domains=float(len(domains)),
            ascending=float(run.length) if first_time else 0.0,
            messages=1,
            to_strangers=int(only_strangers),
        )
        known.update(recipients)
        reached.update(recipients)
        counters = counters.add(Stream.PERSONAL, tally, time)
        days[-1] = days[-1].add(Stream.PERSONAL, counters.features, tally)
        runs[-1] = max(runs[-1], run.to_strangers)
    return Life(days, runs)


def _letters(pseudonym: str) -> str:
    """Two letters that stand for a name: pseudonyms are numbered by their first mail, and would come in order."""
    number = crc32(pseudonym.encode())
    return chr(97 + number % 26) + chr(97 + number // 26 % 26)


def cohort(accounts: list[list[Today]], open_world: float = OPEN_WORLD) -> dict[str, Moments]:
    """Medians over the accounts, and the least dispersions with which the e-values are honest.

    `open_world`: how many times as many first-time recipients are expected as these accounts had.
    Raises `ValueError` when the accounts were seen for too short a time, or send too unevenly.
    """
    if all(len(days) <= LEARNED_FIRST for days in accounts):
        msg = f"no account has more than {LEARNED_FIRST} active days; longer timelines are needed"
        raise ValueError(msg)
    baselines = [whole_life(days) for days in accounts]
    features = AUTOMATIC | COPIES
    for index in FEATURES_OF[Stream.PERSONAL]:
        if FEATURES[index].name in features:
            continue
        mean = median(baseline.means[index] for baseline in baselines)
        variance = median(baseline.variances[index] for baseline in baselines)
        scale = open_world if FEATURES[index].measure is Measure.FIRST_TIME else 1.0
        # Calibrated where it was measured, without the factor for the open world.
        dispersion = least_dispersion(accounts, index, Moments(mean, variance, 0.0))
        features[FEATURES[index].name] = Moments(round(scale * mean, 4), round(scale**2 * variance, 4), dispersion)
    return {feature.name: features[feature.name] for feature in FEATURES}


def prior_of(moments: Sequence[Moments]) -> Prior:
    """In the order of `FEATURES`; of answers it says nothing."""
    any_rate = ((1.0, 1.0), (1.0, 1.0))
    means, variances, dispersions = zip(*[(one.mean, one.variance, one.dispersion) for one in moments], strict=True)
    return Prior(means, variances, dispersions, any_rate, any_rate)


def whole_life(days: list[Today]) -> Baseline:
    baseline = Baseline()
    for today in days:
        baseline = baseline.learn(today)
    return baseline


def least_dispersion(accounts: list[list[Today]], index: int, moments: Moments) -> float:
    """The smallest dispersion with which the feature's e-values have a mean of at most 1 on these days."""
    for dispersion in DISPERSIONS:
        if mean_e_value(accounts, index, moments, dispersion) <= 1.0:
            return dispersion
    msg = f"{FEATURES[index].name}: e-values stay above 1 in the mean; these timelines hold too many bursts"
    raise ValueError(msg)


def mean_e_value(accounts: list[list[Today]], index: int, moments: Moments, dispersion: float) -> float:
    """Over all days after an account's first fifteen, each judged by the days before it, capped as groups are."""
    prior = prior_of([Moments(moments.mean, moments.variance, dispersion)] * len(FEATURES))
    e_values = []
    for days in accounts:
        baseline = Baseline()
        for number, today in enumerate(days):
            nats = calibrated(too_many(today.peaks[index], *baseline.expect(index, prior)))
            if number >= LEARNED_FIRST:
                e_values.append(exp(min(nats, CAP)))
            # Days that the judge would find suspicious are not learned.
            if nats < CAP:
                baseline = baseline.learn(today)
    return fmean(e_values)
