"""Makes the ledger model: what is usual for people is learned from timelines, what is for the others is assumed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from detector.models import Card, CohortEntry, PriorFile, prior_from
from detector.traffic.cohort import Cohort, Priors
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
from detector.training.figures import bulk_and_runs, held_out, taken_for_others
from detector.training.prior import LEAST_DAYS, OPEN_WORLD, Life, cohort, lives
from detector.training.senders import PROGRAMS, as_often, as_uneven, programs
from detector.training.toml import packed

# Figures of the card are means of e-values over honest days from an account's sixteenth on: at most about 1 is honest.
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
    found: dict[str, list[Life]] = {}
    machines: dict[str, list[Life]] = {}
    for path in sorted(timelines, key=name_of):
        tell(f"reading {name_of(path)}")
        if name_of(path).endswith(PROGRAMS):
            machines[name_of(path)] = programs(path)
        else:
            found[name_of(path)] = lives(path)
    accounts = [life for lives_there in found.values() for life in lives_there]
    tell("how uneven honest days are")
    people = cohort([life.days for life in accounts])
    letter = as_often(LETTER, accounts)
    stream = as_uneven(STREAM, [life for lives_there in machines.values() for life in lives_there])
    entries = {
        Cohort.PERSON: CohortEntry(people, REFUSALS, OBJECTIONS, PEOPLE_STRANGERS),
        Cohort.ORGANISATION: CohortEntry(mixed(people, letter), LIST_REFUSALS, OBJECTIONS, LETTER_STRANGERS),
        Cohort.APPLICATION: CohortEntry(mixed(people, stream), REFUSALS, OBJECTIONS, STREAM_STRANGERS),
    }
    priors = Priors(*[prior_from(entry) for entry in entries.values()])
    bulk, runs = bulk_and_runs(accounts, priors.person)
    metrics = {
        "accounts": float(len(accounts)),
        "programs": float(sum(map(len, machines.values()))),
        "days_with_a_letter": letter.often,
        "spread_of_programs": stream.spread,
        "open_world_factor": OPEN_WORLD,
        "people_taken_for_another_cohort": float(taken_for_others(accounts, priors)),
        "all, as shipped: to_strangers_in_a_row": round(runs, 3),
        "all, as shipped: bulk": round(bulk, 3),
    }
    return Ledger(
        PriorFile({word.value: entry for word, entry in entries.items()}),
        metrics | held_out(found, tell),
        [f"{name}: {LEAST_DAYS} active days or more, medians over accounts" for name in found]
        + [f"{name}: how unevenly programs send, medians" for name in machines],
    )


def write(ledger: Ledger, output: Path) -> None:
    """`prior.toml` and `card.toml`: the same ledger gives the same octets."""
    prior = packed(ledger.content)
    card = Card(
        name="ledger",
        version=VERSION,
        feature_version=FEATURE_VERSION,
        sha256={"prior.toml": hashlib.sha256(prior).hexdigest()},
        trained_on=ledger.trained_on,
        created=CREATED,
        licence="Apache-2.0",
        metrics=ledger.metrics,
        intended_use=INTENDED_USE,
    )
    output.mkdir(parents=True, exist_ok=True)
    (output / "prior.toml").write_bytes(prior)
    (output / "card.toml").write_bytes(packed(card))
