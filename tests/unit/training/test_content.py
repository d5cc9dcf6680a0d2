"""The text model is learned the same way each time, and judged on what it did not see."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.content.fingerprint import Fingerprint
from detector.content.words import features, words
from detector.models import MODELS, load_content
from detector.training.content import caught, read_corpora, scores, train, usual_of, write
from detector.training.corpus import Example

TOPICS = ("garden tools rain plums", "minutes budget agenda vote", "train ticket hotel museum")
BAITS = ("lottery winner claim prize", "password suspended verify account", "pills discount order cheap")
FILLER = ["monday", "river", "paper", "green", "window", "seven", "letter", "morning", "table", "music", "yellow"]


def made(family: str, spam: bool, count: int = 60) -> list[Example]:
    lots = np.random.default_rng(len(family) + spam)
    found = []
    for number in range(count):
        theme = (BAITS if spam else TOPICS)[number % 3].split()
        text = [*lots.choice(theme, 4), *lots.choice(FILLER, 8)]
        label = "spam" if spam else "ham"
        found.append(example(f"{family}/{label}/{number}", spam, f"{family}-{label}", " ".join(text)))
    return found


def example(identifier: str, spam: bool, corpus: str, text: str) -> Example:
    return Example(identifier, spam, corpus, "en", features(words(text)), Fingerprint(0, ()))


@pytest.fixture(scope="module")
def found() -> list[Example]:
    return [one for family in ("first", "other", "third") for spam in (False, True) for one in made(family, spam)]


def test_spam_of_a_corpus_that_was_left_out_is_caught(found: list[Example]) -> None:
    strange = [replace(one, corpus="phishing_pot-1") for one in made("fourth", True)]
    result = train([*found, *strange], print)
    assert result.metrics["own_spam@1%:first-ham"] > 0.9
    assert result.metrics["phishing_pot@0.1%:other-ham"] > 0.9
    assert result.corpora == ("first-ham", "first-spam", "other-ham", "other-spam", "third-ham", "third-spam")
    assert all(value < 1.5 for name, value in result.metrics.items() if name.startswith("mean_e_value"))


def test_what_must_not_be_learned_is_not_learned(found: list[Example]) -> None:
    poison = [example(f"x/{number}", True, "phishing_pot-1", TOPICS[0]) for number in range(500)]
    honest, poisoned = train(found, print), train([*found, *poison], print)
    assert (honest.model.weights == poisoned.model.weights).all()


def test_the_same_corpora_give_the_same_octets(found: list[Example], tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(train(found, print), tmp_path / name)
    for file in ("model.npz", "card.toml"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_share_caught_is_above_what_the_budget_allows() -> None:
    ham = np.arange(1000.0)
    assert caught(np.array([997.0, 999.0, 1000.0]), ham, 0.001) == pytest.approx(2 / 3)
    assert caught(np.array([]), ham, 0.001) == 0.0


def test_each_family_weighs_the_same() -> None:
    usual = usual_of({"small": np.array([-5.0]), "large": np.full(1000, 5.0)})
    assert usual.p(0.0) == pytest.approx(0.5, abs=0.01)


@pytest.mark.corpora
@pytest.mark.timeout(600)
def test_the_shipped_model_is_what_the_corpora_say(corpora: Path, tmp_path: Path) -> None:
    """Octet for octet; it takes a minute or two."""
    result = train(read_corpora(sorted((corpora / "train").glob("*.jsonl.gz")), print), print)
    write(result, tmp_path)
    for file in ("model.npz", "card.toml"):
        made, shipped = ((folder / file).read_bytes() for folder in (tmp_path, MODELS / "content"))
        assert hashlib.sha256(made).hexdigest() == hashlib.sha256(shipped).hexdigest(), file


def test_scores_are_those_of_the_model() -> None:
    model, _, _ = load_content()
    one = example("x", True, "x", "Verify your password")
    assert scores(model, [one])[0] == model.score(one.features)
