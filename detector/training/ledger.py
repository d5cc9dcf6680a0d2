"""Makes the ledger model: what is usual for people, learned from real timelines, and for the other cohorts, assumed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from detector.models import Card, CohortEntry, PriorFile
from detector.traffic.cohort import Cohort
from detector.traffic.features import FEATURE_VERSION
from detector.training.assumptions import (
    LETTER,
    LETTER_STRANGERS,
    LIST_REFUSALS,
    OBJECTIONS,
    PEOPLE_STRANGERS,
    REFUSALS,
    STREAM,
    STREAM_STRANGERS,
    mixed,
)
from detector.training.prior import LEAST_DAYS, OPEN_WORLD, cohort, lives

VERSION, CREATED = "3", date(2026, 11, 22)  # change both when the numbers change
INTENDED_USE = "What is usual for an account whose own days are few; blended with them as five more days."

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is usual for each cohort, figures by name, and the timelines they come from."""

    content: PriorFile
    metrics: dict[str, float]
    trained_on: list[str]


def name_of(timeline: Path) -> str:
    return timeline.name.removesuffix(".csv.gz")


def train(timelines: Sequence[Path], tell: Tell) -> Ledger:
    """Raises `ValueError` when the timelines are too short or too uneven, `OSError` when they cannot be read."""
    ordered = sorted(timelines, key=name_of)
    accounts = []
    for path in ordered:
        tell(f"reading {name_of(path)}")
        accounts += lives(path)
    tell("how uneven honest days are")
    people = cohort(accounts)
    entries = {
        Cohort.PERSON: CohortEntry(people, REFUSALS, OBJECTIONS, PEOPLE_STRANGERS),
        Cohort.ORGANISATION: CohortEntry(mixed(people, LETTER), LIST_REFUSALS, OBJECTIONS, LETTER_STRANGERS),
        Cohort.APPLICATION: CohortEntry(mixed(people, STREAM), REFUSALS, OBJECTIONS, STREAM_STRANGERS),
    }
    metrics = {"accounts": float(len(accounts)), "open_world_factor": OPEN_WORLD}
    return Ledger(
        PriorFile({word.value: entry for word, entry in entries.items()}),
        metrics,
        [f"{name_of(path)}: {LEAST_DAYS} active days or more, medians over accounts" for path in ordered],
    )


def write(ledger: Ledger, output: Path) -> None:
    """`prior.json` and `card.json`: the same ledger gives the same octets."""
    prior = _packed(ledger.content)
    card = Card(
        name="ledger",
        version=VERSION,
        feature_version=FEATURE_VERSION,
        sha256={"prior.json": hashlib.sha256(prior).hexdigest()},
        trained_on=ledger.trained_on,
        created=CREATED,
        licence="Apache-2.0",
        metrics=ledger.metrics,
        intended_use=INTENDED_USE,
    )
    output.mkdir(parents=True, exist_ok=True)
    (output / "prior.json").write_bytes(prior)
    (output / "card.json").write_bytes(_packed(card))


def _packed(value: PriorFile | Card) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
