"""Loads model files: data beside a card that says what they are, and refuses what does not fit. Never code."""

import hashlib
import io
import sysconfig
import zipfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from detector.traffic.baseline import Prior, Strangers
from detector.traffic.cohort import COHORTS, Priors
from detector.traffic.features import FEATURE_VERSION, FEATURES, STREAMS

if TYPE_CHECKING:  # numpy takes longer to load than most commands take to run
    from detector.content.model import TextModel, Usual

CHECKOUT = Path(__file__).resolve().parent.parent / "models"
INSTALLED = Path(sysconfig.get_path("data")) / "share" / "outbound-abuse-detector" / "models"
MODELS = CHECKOUT if CHECKOUT.is_dir() else INSTALLED
MOST_BYTES = 64 * 1024 * 1024
SUFFIXES = (".toml", ".npz")


class ModelError(Exception):
    """A model cannot be used; the text says what to do."""


class Card(Struct, frozen=True, forbid_unknown_fields=True):
    """`card.toml`: what a model is, from what it was made, and the SHA-256 of each of its files."""

    name: str
    version: str
    feature_version: int
    sha256: dict[str, str]
    trained_on: list[str]
    created: date
    licence: str
    metrics: dict[str, float]
    intended_use: str


class Moments(Struct, frozen=True, forbid_unknown_fields=True):
    """What an active day's peak of a feature usually is, and the least variance to assume, in means."""

    mean: float
    variance: float
    dispersion: float


class CohortEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """What is usual for a cohort: features by name; for each stream the weights of two Beta distributions.

    `refusals`: refused and accepted recipients; `objections`: those who did not want the mail, and the others;
    `strangers`: see `baseline.Strangers`.
    """

    features: dict[str, Moments]
    refusals: dict[str, tuple[float, float]]
    objections: dict[str, tuple[float, float]]
    strangers: tuple[float, float, float]


class PriorFile(Struct, frozen=True, forbid_unknown_fields=True):
    """`prior.toml`: what is usual, for each word of `Cohort`."""

    cohorts: dict[str, CohortEntry]


def read_card(directory: Path) -> Card:
    """The card alone; the files that it names are not looked at. Raises `ModelError`."""
    path = directory / "card.toml"
    try:
        return msgspec.toml.decode(_read(path), type=Card)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        msg = f"{path}: not a model card: {error}; take the model directory from the release again"
        raise ModelError(msg) from error


def load_card(directory: Path, feature_version: int) -> Card:
    """The card, after every file it names was found, and found unchanged. Raises `ModelError`."""
    path, card = directory / "card.toml", read_card(directory)
    if card.feature_version != feature_version:
        msg = (
            f"{path}: made for feature version {card.feature_version}, this program has {feature_version}; "
            "use the models of this release, or train again"
        )
        raise ModelError(msg)
    for name in card.sha256:
        read_checked(directory, card, name)
    return card


def read_checked(directory: Path, card: Card, name: str) -> bytes:
    """The content of a file that the card names. Raises `ModelError` unless its SHA-256 is the card's."""
    path = directory / name
    if Path(name).name != name or path.suffix not in SUFFIXES or name == "card.toml":
        msg = f"{directory / 'card.toml'}: names '{name}'; only .toml and .npz files beside the card are model files"
        raise ModelError(msg)
    if name not in card.sha256:
        msg = f"{directory / 'card.toml'}: does not name {name}; take the model directory from the release again"
        raise ModelError(msg)
    content = _read(path)
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256[name]:
        msg = f"{path}: SHA-256 is {found}, the card says {card.sha256[name]}; take the file from the release again"
        raise ModelError(msg)
    return content


def load_prior(directory: Path = MODELS / "ledger") -> tuple[Priors, str]:
    """What is usual for each cohort, and the model's version for the verdicts. Raises `ModelError`."""
    card = load_card(directory, FEATURE_VERSION)
    path = directory / "prior.toml"
    try:
        content = msgspec.toml.decode(read_checked(directory, card, path.name), type=PriorFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        msg = f"{path}: {error}; train again with `detector train ledger`"
        raise ModelError(msg) from error
    if sorted(content.cohorts) != sorted(COHORTS):
        msg = f"{path}: must have exactly the cohorts {', '.join(COHORTS)}"
        raise ModelError(msg)
    return Priors(*[_prior(path, content.cohorts[cohort]) for cohort in COHORTS]), f"{card.name} {card.version}"


def load_content(directory: Path = MODELS / "content") -> "tuple[TextModel, Usual, str]":
    """The text model, what is usual for clean mail, and the model's version. Raises `ModelError`."""
    from detector.content.model import FEATURE_VERSION as TEXT_VERSION

    card = load_card(directory, TEXT_VERSION)
    path = directory / "model.npz"
    try:
        model, usual = _unpacked(read_checked(directory, card, path.name))
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        msg = f"{path}: {error}; take the file from the release again, or train with `detector train content`"
        raise ModelError(msg) from error
    return model, usual, f"{card.name} {card.version}"


def _unpacked(content: bytes) -> "tuple[TextModel, Usual]":
    """Raises `ValueError` and what zip files raise."""
    import numpy as np

    from detector.content.model import CLASSES, TextModel, Usual, sane

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
            msg = f"larger than {MOST_BYTES} bytes when unpacked"
            raise ValueError(msg)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        keys, weights, bias, counts = (arrays[name] for name in ("keys", "weights", "bias", "usual"))
    found = [(array.dtype.str, array.shape) for array in (keys, weights, bias, counts)]
    if not keys.size or found != [("<u4", keys.shape), ("<f2", (keys.size,)), ("<f4", ()), ("<f4", (CLASSES,))]:
        msg = "arrays do not have the types and sizes that they should have"
        raise ValueError(msg)
    model, usual = TextModel(keys, weights.astype(np.float32), float(bias)), Usual(tuple(map(float, counts)))
    if not sane(model, usual):
        msg = "the numbers make no sense: spam does not score higher than a meeting"
        raise ValueError(msg)
    return model, usual


def _prior(path: Path, content: CohortEntry) -> Prior:
    names = [feature.name for feature in FEATURES]
    rates = (content.refusals, content.objections)
    if sorted(content.features) != sorted(names) or any(sorted(rate) != sorted(STREAMS) for rate in rates):
        msg = f"{path}: must have exactly the features {', '.join(names)} and the streams {', '.join(STREAMS)}"
        raise ModelError(msg)
    moments = [content.features[name] for name in names]
    weights = [weight for rate in rates for pair in rate.values() for weight in pair]
    weights += [*content.strangers, 1.0 - content.strangers[2]]
    means, others = [one.mean for one in moments], [min(one.variance, one.dispersion) for one in moments]
    if min(means) <= 0.0 or min(others) < 0.0 or min(weights) <= 0.0:
        msg = f"{path}: means and weights must be positive; train again with `detector train ledger`"
        raise ModelError(msg)
    return prior_from(content)


def prior_from(entry: CohortEntry) -> Prior:
    """In the order of `FEATURES` and `STREAMS`."""
    moments = [entry.features[feature.name] for feature in FEATURES]
    return Prior(
        tuple(one.mean for one in moments),
        tuple(one.variance for one in moments),
        tuple(one.dispersion for one in moments),
        tuple(entry.refusals[stream] for stream in STREAMS),
        tuple(entry.objections[stream] for stream in STREAMS),
        Strangers(*entry.strangers),
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); name the directory that holds the model files"
        raise ModelError(msg) from error
    if len(content) > MOST_BYTES:
        msg = f"{path}: larger than {MOST_BYTES} bytes; this is not one of our model files"
        raise ModelError(msg)
    return content
