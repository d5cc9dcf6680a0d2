"""Model files are data that fit, or an error that says what to do."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from detector import models
from detector.models import MODELS, ModelError, load_card, load_prior
from detector.traffic.features import FEATURE_VERSION, FEATURES


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS / "ledger", tmp_path / "ledger"))


def change(path: Path, edit: Callable[[dict[str, object]], object]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def reseal(directory: Path) -> None:
    """Make the card fit the changed prior again."""
    digest = hashlib.sha256((directory / "prior.json").read_bytes()).hexdigest()
    change(directory / "card.json", lambda card: card.update(sha256={"prior.json": digest}))


def test_the_shipped_prior_is_loaded() -> None:
    prior, version = load_prior()
    assert version == "ledger 1"
    assert len(prior.means) == len(prior.variances) == len(prior.dispersions) == len(FEATURES)


def test_the_shipped_card_says_what_it_must() -> None:
    card = load_card(MODELS / "ledger", FEATURE_VERSION)
    assert card.trained_on
    assert card.intended_use
    assert card.licence == "Apache-2.0"
    assert (MODELS / "ledger" / "README.md").read_text().startswith("# Model card")


def test_a_changed_file_is_refused(ledger: Path) -> None:
    with (ledger / "prior.json").open("a") as file:
        file.write(" ")
    with pytest.raises(ModelError, match=r"SHA-256 .* the card says .*; take the file from the release again"):
        load_prior(ledger)


def test_another_feature_version_is_refused(ledger: Path) -> None:
    change(ledger / "card.json", lambda card: card.update(feature_version=FEATURE_VERSION + 1))
    with pytest.raises(ModelError, match="use the models of this release, or train again"):
        load_prior(ledger)


@pytest.mark.parametrize("name", ["card.json", "prior.json"])
def test_a_missing_file_is_refused(ledger: Path, name: str) -> None:
    (ledger / name).unlink()
    with pytest.raises(ModelError, match=r"cannot be read .*; name the directory"):
        load_prior(ledger)


def test_an_oversized_file_is_refused(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MOST_BYTES", 100)
    with pytest.raises(ModelError, match="larger than 100 bytes"):
        load_prior(ledger)


@pytest.mark.parametrize("name", ["../prior.json", "/etc/passwd", "prior.pkl", "card.json"])
def test_a_card_cannot_name_other_files(ledger: Path, name: str) -> None:
    change(ledger / "card.json", lambda card: card.update(sha256={name: "0" * 64}))
    with pytest.raises(ModelError, match=r"only \.json and \.npz files beside the card"):
        load_prior(ledger)


def test_a_card_that_does_not_name_the_prior_is_refused(ledger: Path) -> None:
    change(ledger / "card.json", lambda card: card.update(sha256={}))
    with pytest.raises(ModelError, match=r"does not name prior\.json"):
        load_prior(ledger)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"name": "x", "more": 1}'])
def test_what_is_no_card_is_refused(ledger: Path, content: bytes) -> None:
    (ledger / "card.json").write_bytes(content)
    with pytest.raises(ModelError, match="not a model card"):
        load_prior(ledger)


@pytest.mark.parametrize(("edit", "message"), [
    (lambda prior: prior["features"].pop("recipients_2h"), "must have exactly the features"),
    (lambda prior: prior["features"]["recipients_2h"].update(mean=0), "must be positive"),
    (lambda prior: prior["features"]["recipients_2h"].update(variance=-1), "must be positive"),
    (lambda prior: prior["refusals"].update(personal=[0, 98]), "must be positive"),
    (lambda prior: prior.update(features=[]), "train again"),
])  # fmt: skip
def test_a_prior_that_makes_no_sense_is_refused(ledger: Path, edit: Callable[..., object], message: str) -> None:
    change(ledger / "prior.json", edit)
    reseal(ledger)
    with pytest.raises(ModelError, match=message):
        load_prior(ledger)
