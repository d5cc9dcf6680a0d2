"""Learns the text model from labelled corpora, and says what it is worth on corpora that it never saw."""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.content.model import FEATURE_VERSION, TextModel, Usual
from detector.models import Card
from detector.training.corpus import (
    NEVER_TRAINED,
    OUR_OWN,
    TRAINED_LANGUAGES,
    Example,
    corpus_of,
    distinct,
    examples,
    lures,
)
from detector.training.fit import fit
from detector.training.toml import packed
from detector.verdict.odds import calibrated

VERSION, CREATED = "5", date(2026, 11, 22)  # change both when the numbers change
PRIOR_WEIGHT = 2000.0  # messages of the operator's own that weigh as much as what training saw
BUDGETS = {"0.1": 0.001, "1": 0.01}  # false alarms in percent

Scores = NDArray[np.float64]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """A model, what is usual for ham that such a model did not see, and figures by name."""

    model: TextModel
    usual: Usual
    metrics: dict[str, float]
    corpora: tuple[str, ...]


def read_corpora(paths: Sequence[Path], tell: Tell) -> list[Example]:
    """All examples, without near-duplicates, in an order that depends on their names only."""
    found = list(lures())
    for path in sorted(paths):
        tell(f"reading {corpus_of(path)}")
        found += examples(path)
    return distinct(found)


def train(found: Sequence[Example], tell: Tell) -> Result:
    """Leave out one family after the other, then learn from all. Raises `ValueError` when there is too little."""
    kept = [one for one in found if one.family != NEVER_TRAINED]
    strange = [one for one in found if one.family == NEVER_TRAINED]
    held: dict[str, Scores] = {}
    metrics: dict[str, float] = {}
    for family in sorted({one.family for one in kept if not one.spam} - {OUR_OWN}):
        tell(f"trying without {family}")
        model = fit([one for one in kept if one.family != family])
        out = [one for one in kept if one.family == family]
        metrics |= _figures(model, out, strange)
        held[family] = scores(model, [one for one in out if not one.spam])
    metrics |= honesty(held)
    tell("training on all")
    model = fit(kept)
    return Result(model, usual_of(held), metrics, tuple(sorted({one.corpus for one in kept})))


def scores(model: TextModel, found: Sequence[Example]) -> Scores:
    return np.array([model.score(one.features) for one in found])


def caught(spam: Scores, ham: Scores, budget: float) -> float:
    """The share of spam above the score that only the share `budget` of this ham exceeds."""
    threshold = np.sort(ham)[::-1][int(budget * len(ham))]
    return float((spam > threshold).mean()) if len(spam) else 0.0


def usual_of(held: dict[str, Scores]) -> Usual:
    """Each family of corpora weighs the same: what an operator's mail is like is not known."""
    parts = [Usual.of(list(one), PRIOR_WEIGHT / len(held)).counts for one in held.values()]
    return Usual(tuple(float(np.float32(sum(counts))) for counts in zip(*parts, strict=True)))


def honesty(held: dict[str, Scores]) -> dict[str, float]:
    """Mean e-value of each family's ham, by what is usual for the other families and for its own mail so far.

    At most about 1 where the p-values are honest.
    """
    figures = {}
    for family, own in held.items():
        others = {name: one for name, one in held.items() if name != family}
        usual = usual_of(others) if others else Usual.of([0.0], PRIOR_WEIGHT)
        e_values = []
        for score in own:
            e_values.append(exp(calibrated(usual.surprise(score))))
            usual = usual.update(score)
        figures[f"mean_e_value:{family}"] = round(float(np.mean(e_values)), 3)
    return figures


def write(result: Result, directory: Path) -> None:
    """`model.npz` and its card: the same octets for the same result."""
    arrays = io.BytesIO()
    np.savez(
        arrays,
        keys=result.model.keys,
        weights=result.model.weights.astype(np.float16),
        bias=np.float32(result.model.bias),
        usual=np.array(result.usual.counts, np.float32),
    )
    card = Card(
        name="content",
        version=VERSION,
        feature_version=FEATURE_VERSION,
        sha256={"model.npz": hashlib.sha256(arrays.getvalue()).hexdigest()},
        trained_on=list(result.corpora),
        created=CREATED,
        licence="Apache-2.0",
        metrics=result.metrics,
        intended_use="A score of how much a text reads like spam, to be compared with the operator's own clean mail.",
    )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model.npz").write_bytes(arrays.getvalue())
    (directory / "card.toml").write_bytes(packed(card))


def _figures(model: TextModel, out: Sequence[Example], strange: Sequence[Example]) -> dict[str, float]:
    """For each ham corpus left out: the share of the left-out spam, and of strange phishing, that is caught."""
    english = [one for one in strange if one.language in TRAINED_LANGUAGES]
    targets = {
        "own_spam": scores(model, [one for one in out if one.spam]),
        NEVER_TRAINED: scores(model, strange),
        f"{NEVER_TRAINED}_english": scores(model, english),
    }
    figures = {}
    for corpus in sorted({one.corpus for one in out if not one.spam}):
        ham = scores(model, [one for one in out if one.corpus == corpus and not one.spam])
        for name, spam in targets.items():
            for percent, budget in BUDGETS.items():
                if len(spam):
                    figures[f"{name}@{percent}%:{corpus}"] = round(caught(spam, ham, budget), 3)
    return figures
