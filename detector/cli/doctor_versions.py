"""What runs here: versions of the program, of Python and of libraries, and the models with their age."""

import hashlib
import platform
import re
import sqlite3
import ssl
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from detector.cli.doctor_part import Fact, Part, days_since
from detector.cli.finding import Finding, hint, problem
from detector.models import MODELS, ModelError, load_card

PROGRAM = "outbound-abuse-detector"
OLD = 730
"""Days after which a model is worth a question: what spam says changes within a year or two."""

SHORT = 12
"""Hexadecimal digits of a hash that a person compares."""


def program_version() -> str:
    return version(PROGRAM)


def examine_versions() -> Part:
    """Of the libraries those that the program asks for."""
    facts: dict[str, Fact] = {
        "detector": program_version(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "openssl": ssl.OPENSSL_VERSION,
        "sqlite": sqlite3.sqlite_version,
    }
    findings: list[Finding] = []
    for name in _libraries():
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            findings.append(problem(name, "this library is missing: install the program again with its lock file"))
    return Part("versions", facts, findings)


def examine_models(now: float, directory: Path = MODELS) -> Part:
    """Each model that is there, by its card; the hash is that of the card, which names the hashes of all files."""
    facts: dict[str, Fact] = {}
    findings: list[Finding] = []
    for path in sorted(directory.glob("*/card.toml")):
        name = path.parent.name
        try:
            card = load_card(path.parent, _feature_version(name))
        except ModelError as error:
            findings.append(problem(name, str(error)))
            continue
        created = datetime(card.created.year, card.created.month, card.created.day, tzinfo=UTC).timestamp()
        age = days_since(created, now)
        facts |= {name: f"{card.name} {card.version}", f"{name}_sha256": _digest(path), f"{name}_age_days": age}
        if age > OLD:
            findings.append(hint(name, f"this model is {age} days old: take that of a newer release"))
    if not facts and not findings:
        findings.append(problem("models", f"there are none in {directory}: install the program again"))
    return Part("models", facts, findings)


def _feature_version(name: str) -> int:
    if name == "content":
        from detector.content.model import FEATURE_VERSION as TEXT_VERSION  # numpy comes with it

        return TEXT_VERSION
    from detector.traffic.features import FEATURE_VERSION

    return FEATURE_VERSION


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:SHORT]


def _libraries() -> list[str]:
    asked = [one for one in requires(PROGRAM) or () if "extra ==" not in one]
    return sorted({re.split(r"[<>=!~;\[ ]", one)[0] for one in asked})
