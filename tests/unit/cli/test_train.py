"""`detector train` as somebody with corpora meets it."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector.cli.main import app
from detector.models import ModelError, load_content, load_prior


def corpus(directory: Path, name: str, label: str, words: str) -> Path:
    path = directory / f"{name}.{label}.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for number in range(40):
            raw = f"Subject: {words.split()[number % 4]}\n\n{words} number{chr(97 + number % 26)} {'x' * number}\n"
            record = {"id": f"{name}/{label}/{number}", "label": label, "lang": "en", "form": "rfc822", "raw": raw}
            file.write(json.dumps(record) + "\n")
    return path


def test_a_model_is_made_from_corpora(tmp_path: Path) -> None:
    paths = [
        corpus(tmp_path, "one", "ham", "meeting minutes agenda thursday"),
        corpus(tmp_path, "two", "ham", "garden recipe children weekend"),
        corpus(tmp_path, "one", "spam", "lottery prize winner claim"),
    ]
    output = tmp_path / "made"
    result = CliRunner().invoke(app, ["train", "content", *map(str, paths), "--output", str(output), "--json"])
    assert result.exit_code == 0, result.output
    assert "mean_e_value:one" in json.loads(result.stdout)
    model, _, version = load_content(output)
    assert version.startswith("content ")
    assert len(model.keys) > 100


def test_a_file_that_is_no_corpus_is_named_in_words(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(b"not gzip")
    result = CliRunner().invoke(app, ["train", "content", str(path), "--output", str(tmp_path)])
    assert result.exit_code == 1
    assert "cannot train" in result.stderr
    with pytest.raises(ModelError):
        load_content(tmp_path)


def timeline(path: Path) -> Path:
    """One account that writes to two people on each of twenty days."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("timestamp_utc_seconds,sender,message_id_or_empty,recipients\n")
        file.writelines(f"{1.2e9 + day * 86400:.0f},ann,,bob;eve\n" for day in range(20))
    return path


def test_a_ledger_is_made_from_timelines(tmp_path: Path) -> None:
    paths = [str(timeline(tmp_path / f"{name}.csv.gz")) for name in ("house", "office")]
    output = tmp_path / "made"
    result = CliRunner().invoke(app, ["train", "ledger", *paths, "--output", str(output), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["accounts"] == 2
    assert load_prior(output)[1].startswith("ledger ")
    told = CliRunner().invoke(app, ["train", "ledger", *paths, "--output", str(output)])
    assert "3 cohorts in" in told.stdout


def test_timelines_that_are_too_short_are_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "short.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("timestamp_utc_seconds,sender,message_id_or_empty,recipients\n1200000000,ann,,bob\n")
    result = CliRunner().invoke(app, ["train", "ledger", str(path), "--output", str(tmp_path / "made")])
    assert result.exit_code == 1
    assert "cannot train: no account has more than 15 active days" in result.stderr
