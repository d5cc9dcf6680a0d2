"""Model files are data that fit, or an error that says what to do."""

import hashlib
import io
import shutil
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detector import models
from detector.content.model import CLASSES
from detector.models import MODELS, ModelError, load_card, load_content, load_prior
from detector.traffic.cohort import Cohort
from detector.traffic.features import FEATURE_VERSION, FEATURES
from detector.training.toml import packed


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS / "ledger", tmp_path / "ledger"))


def change(path: Path, edit: Callable[..., object]) -> None:
    content = tomllib.loads(path.read_text())
    edit(content)
    path.write_bytes(packed(content))


def reseal(directory: Path) -> None:
    """Make the card fit the changed prior again."""
    digest = hashlib.sha256((directory / "prior.toml").read_bytes()).hexdigest()
    change(directory / "card.toml", lambda card: card.update(sha256={"prior.toml": digest}))


def test_the_shipped_prior_is_loaded() -> None:
    priors, version = load_prior()
    assert version == "ledger 3"
    for prior in priors:
        assert len(prior.means) == len(prior.variances) == len(prior.dispersions) == len(FEATURES)


def test_each_cohort_has_its_own_prior() -> None:
    priors, _ = load_prior()
    daily = [feature.name for feature in FEATURES].index("recipients_24h")
    person, organisation, application = (priors.named(cohort).means[daily] for cohort in Cohort)
    assert person < organisation < application


def test_the_shipped_card_says_what_it_must() -> None:
    card = load_card(MODELS / "ledger", FEATURE_VERSION)
    assert card.trained_on
    assert card.intended_use
    assert card.licence == "Apache-2.0"
    assert (MODELS / "ledger" / "README.md").read_text().startswith("# Model card")


def test_a_changed_file_is_refused(ledger: Path) -> None:
    with (ledger / "prior.toml").open("a") as file:
        file.write(" ")
    with pytest.raises(ModelError, match=r"SHA-256 .* the card says .*; take the file from the release again"):
        load_prior(ledger)


def test_another_feature_version_is_refused(ledger: Path) -> None:
    change(ledger / "card.toml", lambda card: card.update(feature_version=FEATURE_VERSION + 1))
    with pytest.raises(ModelError, match="use the models of this release, or train again"):
        load_prior(ledger)


@pytest.mark.parametrize("name", ["card.toml", "prior.toml"])
def test_a_missing_file_is_refused(ledger: Path, name: str) -> None:
    (ledger / name).unlink()
    with pytest.raises(ModelError, match=r"cannot be read .*; name the directory"):
        load_prior(ledger)


def test_an_oversized_file_is_refused(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MOST_BYTES", 100)
    with pytest.raises(ModelError, match="larger than 100 bytes"):
        load_prior(ledger)


@pytest.mark.parametrize("name", ["../prior.toml", "/etc/passwd", "prior.pkl", "card.toml"])
def test_a_card_cannot_name_other_files(ledger: Path, name: str) -> None:
    change(ledger / "card.toml", lambda card: card.update(sha256={name: "0" * 64}))
    with pytest.raises(ModelError, match=r"only \.toml and \.npz files beside the card"):
        load_prior(ledger)


def test_a_card_that_does_not_name_the_prior_is_refused(ledger: Path) -> None:
    change(ledger / "card.toml", lambda card: card.update(sha256={}))
    with pytest.raises(ModelError, match=r"does not name prior\.toml"):
        load_prior(ledger)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"name", b'name = "x"\nmore = 1'])
def test_what_is_no_card_is_refused(ledger: Path, content: bytes) -> None:
    (ledger / "card.toml").write_bytes(content)
    with pytest.raises(ModelError, match="not a model card"):
        load_prior(ledger)


@pytest.mark.parametrize(("edit", "message"), [
    (lambda person: person["features"].pop("recipients_2h"), "must have exactly the features"),
    (lambda person: person["features"]["recipients_2h"].update(mean=0), "must be positive"),
    (lambda person: person["features"]["recipients_2h"].update(variance=-1), "must be positive"),
    (lambda person: person["refusals"].update(personal=[0, 98]), "must be positive"),
    (lambda person: person.update(strangers=[2, 6, 1]), "must be positive"),
    (lambda person: person.update(features=[]), "train again"),
])  # fmt: skip
def test_a_prior_that_makes_no_sense_is_refused(ledger: Path, edit: Callable[..., object], message: str) -> None:
    change(ledger / "prior.toml", lambda prior: edit(prior["cohorts"]["person"]))
    reseal(ledger)
    with pytest.raises(ModelError, match=message):
        load_prior(ledger)


@pytest.mark.parametrize("content", [b"", b"\xff", b"cohorts = 1"])
def test_what_is_no_prior_is_refused(ledger: Path, content: bytes) -> None:
    (ledger / "prior.toml").write_bytes(content)
    reseal(ledger)
    with pytest.raises(ModelError, match="train again with `detector train ledger`"):
        load_prior(ledger)


def test_a_prior_without_one_of_the_cohorts_is_refused(ledger: Path) -> None:
    change(ledger / "prior.toml", lambda prior: prior["cohorts"].pop("application"))
    reseal(ledger)
    with pytest.raises(ModelError, match="must have exactly the cohorts person, organisation, application"):
        load_prior(ledger)


# -- the text model --

Arrays = dict[str, NDArray[np.generic]]


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS / "content", tmp_path / "content"))


def repack(directory: Path, edit: Callable[[Arrays], object]) -> None:
    """Change the arrays of the text model, and make the card fit."""
    path = directory / "model.npz"
    with np.load(path, allow_pickle=False) as stored:
        arrays: Arrays = dict(stored)
    edit(arrays)
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    reseal_content(directory, packed.getvalue())


def reseal_content(directory: Path, packed: bytes) -> None:
    (directory / "model.npz").write_bytes(packed)
    digest = hashlib.sha256(packed).hexdigest()
    change(directory / "card.toml", lambda card: card.update(sha256={"model.npz": digest}))


def test_the_shipped_text_model_is_loaded() -> None:
    model, usual, version = load_content()
    assert version == "content 5"
    assert len(model.keys) == len(model.weights)
    assert len(usual.counts) == CLASSES
    assert (MODELS / "content" / "README.md").read_text().startswith("# Model card")


def test_the_shipped_text_model_is_small_and_never_saw_phishing_pot() -> None:
    assert (MODELS / "content" / "model.npz").stat().st_size < 8 * 1024 * 1024
    card = tomllib.loads((MODELS / "content" / "card.toml").read_text())
    assert not [corpus for corpus in card["trained_on"] if "phishing_pot" in corpus]


@pytest.mark.parametrize("edit", [
    lambda arrays: arrays.pop("keys"),
    lambda arrays: arrays.update(keys=arrays["keys"][::-1]),
    lambda arrays: arrays.update(keys=arrays["keys"][:-1]),
    lambda arrays: arrays.update(keys=arrays["keys"][:0], weights=arrays["weights"][:0]),
    lambda arrays: arrays.update(keys=arrays["keys"].astype(np.int64)),
    lambda arrays: arrays.update(weights=-arrays["weights"]),
    lambda arrays: arrays.update(weights=arrays["weights"] * np.float16("nan")),
    lambda arrays: arrays.update(bias=np.float32("inf")),
    lambda arrays: arrays.update(usual=-arrays["usual"]),
    lambda arrays: arrays.update(usual=arrays["usual"][:-1]),
    lambda arrays: arrays.update(usual=arrays["usual"] * np.float32("nan")),
])  # fmt: skip
def test_a_text_model_that_makes_no_sense_is_refused(content: Path, edit: Callable[[Arrays], object]) -> None:
    repack(content, edit)
    with pytest.raises(ModelError, match="take the file from the release again, or train"):
        load_content(content)


def test_code_inside_a_text_model_is_refused(content: Path) -> None:
    packed = io.BytesIO()
    np.savez(packed, keys=np.array([{"a": 1}], dtype=object), weights=1, bias=1, usual=1)
    reseal_content(content, packed.getvalue())
    with pytest.raises(ModelError, match="allow_pickle=False"):
        load_content(content)


def test_what_grows_when_unpacked_is_refused(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("keys.npy", b"\0" * 1_000_000)
    monkeypatch.setattr(models, "MOST_BYTES", 100_000)
    reseal_content(content, packed.getvalue())
    with pytest.raises(ModelError, match="larger than 100000 bytes when unpacked"):
        load_content(content)


@pytest.mark.parametrize("packed", [b"", b"PK", b"no archive"])
def test_what_is_no_archive_is_refused(content: Path, packed: bytes) -> None:
    reseal_content(content, packed)
    with pytest.raises(ModelError, match="train with `detector train content`"):
        load_content(content)
