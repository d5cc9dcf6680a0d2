"""Versions, and the age of models."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detector.cli import doctor_versions
from detector.cli.doctor_versions import examine_models, examine_versions, program_version
from detector.cli.finding import Level
from detector.models import MODELS, load_card, load_prior

LATER = datetime(2040, 1, 1, tzinfo=UTC).timestamp()


def test_the_program_python_and_the_libraries_are_told() -> None:
    part = examine_versions()
    assert part.facts["detector"] == program_version()
    assert {"python", "openssl", "sqlite", "pydantic", "sqlalchemy"} <= part.facts.keys()
    assert "pytest" not in part.facts
    assert not part.findings


def test_a_library_that_is_missing_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_versions, "_libraries", lambda: ["no-such-library"])
    (finding,) = examine_versions().findings
    assert (finding.level, finding.about) == (Level.PROBLEM, "no-such-library")


def test_each_model_is_told_with_its_age() -> None:
    card = load_card(MODELS / "ledger", doctor_versions._feature_version("ledger"))
    made = datetime(card.created.year, card.created.month, card.created.day, tzinfo=UTC).timestamp()
    part = examine_models(made + 3 * 86_400.0)
    assert part.facts["ledger"] == load_prior()[1]
    assert part.facts["ledger_age_days"] == 3
    assert "content" in part.facts
    assert not part.findings


def test_an_old_model_is_a_hint() -> None:
    assert {one.level for one in examine_models(LATER).findings} == {Level.HINT}


def test_a_model_that_was_changed_is_a_problem(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "ledger", tmp_path / "ledger")
    with (tmp_path / "ledger" / "prior.toml").open("a") as file:
        file.write("\n")
    (finding,) = examine_models(0.0, tmp_path).findings
    assert finding.level is Level.PROBLEM
    assert "SHA-256" in finding.text


def test_no_models_are_a_problem(tmp_path: Path) -> None:
    assert [one.level for one in examine_models(0.0, tmp_path).findings] == [Level.PROBLEM]
