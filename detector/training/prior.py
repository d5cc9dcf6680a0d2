"""Learns what is usual for a cohort from real sending timelines: `python -m detector.training.prior [corpora]`."""

import csv
import gzip
import hashlib
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from statistics import median

import msgspec

from detector.mail.transaction import Stream
from detector.models import MODELS, Card, Moments, PriorFile
from detector.traffic.baseline import Baseline, Today
from detector.traffic.clock import day_of
from detector.traffic.counters import Counters
from detector.traffic.features import FEATURE_VERSION, FEATURES, FEATURES_OF, Measure, Tally

VERSION, CREATED = "1", date(2026, 11, 22)  # change both when the numbers change
TIMELINES = ("email_eu_core_first150d", "enron_perry")
LEAST_DAYS = 10  # accounts with fewer active days say little about a variance
# The timelines show mail inside one organisation only; open mail is assumed to reach so many times as many strangers.
OPEN_WORLD = 2.5
# Not measured, no timeline shows it: answers and forwarded mail of a busy mailbox, and how much of it is turned away.
AUTOMATIC = {"automatic_recipients_2h": Moments(10.0, 200.0), "automatic_recipients_24h": Moments(50.0, 5000.0)}
REFUSALS = {Stream.PERSONAL.value: (2.0, 98.0), Stream.AUTOMATIC.value: (10.0, 40.0)}

Message = tuple[float, list[str]]


def read_timeline(path: Path) -> Iterator[tuple[str, Message]]:
    """Sender, and time and recipients of each message, in order of time."""
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            yield row["sender"], (float(row["timestamp_utc_seconds"]), row["recipients"].split(";"))


def account_baseline(messages: Iterable[Message]) -> Baseline:
    """Mean and variance of the daily peaks of one account, by the counters that the judge uses."""
    counters, today, baseline = Counters(), Today(), Baseline()
    known: set[str] = set()
    for time, recipients in messages:
        tally = Tally(recipients=len(recipients), first_time=len(set(recipients) - known))
        known.update(recipients)
        if day_of(time) != today.day:
            baseline, today = baseline.learn(today), Today(day_of(time))
        counters = counters.add(Stream.PERSONAL, tally, time)
        today = today.add(Stream.PERSONAL, counters.features, tally)
    return baseline.learn(today)


def cohort(baselines: list[Baseline]) -> PriorFile:
    """Medians over the accounts; strangers scaled up to the open world."""
    features = dict(AUTOMATIC)
    for index in FEATURES_OF[Stream.PERSONAL]:
        scale = OPEN_WORLD if FEATURES[index].measure is Measure.FIRST_TIME else 1.0
        features[FEATURES[index].name] = Moments(
            round(scale * median(baseline.means[index] for baseline in baselines), 4),
            round(scale**2 * median(baseline.variances[index] for baseline in baselines), 4),
        )
    return PriorFile({feature.name: features[feature.name] for feature in FEATURES}, REFUSALS)


def main(arguments: list[str]) -> None:
    """Write `models/ledger/prior.json` and its card."""
    corpora = Path(arguments[0] if arguments else os.environ.get("DETECTOR_CORPORA", "../shared/corpora"))
    accounts: dict[str, list[Message]] = defaultdict(list)
    for name in TIMELINES:
        for sender, message in read_timeline(corpora / "timelines" / f"{name}.csv.gz"):
            accounts[f"{name}/{sender}"].append(message)
    baselines = [account_baseline(messages) for messages in accounts.values()]
    settled = [one for one in baselines if one.days[0] >= LEAST_DAYS]
    prior = msgspec.json.format(msgspec.json.encode(cohort(settled)), indent=2) + b"\n"
    card = Card(
        name="ledger",
        version=VERSION,
        feature_version=FEATURE_VERSION,
        sha256={"prior.json": hashlib.sha256(prior).hexdigest()},
        trained_on=[f"{name}: {LEAST_DAYS} active days or more, medians over accounts" for name in TIMELINES],
        created=CREATED,
        licence="Apache-2.0",
        metrics={"accounts": float(len(settled)), "open_world_factor": OPEN_WORLD},
        intended_use="What is usual for an account whose own days are few; blended with them as five more days.",
    )
    (MODELS / "ledger" / "prior.json").write_bytes(prior)
    (MODELS / "ledger" / "card.json").write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
