"""The demo cleans up after itself; tests/e2e/test_demo.py plays all of it."""

import signal
import sys
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector.cli import demo_stage
from detector.cli.main import app


@pytest.fixture
def no_detector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which the detector ends at once, and a place for temporary directories."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return tmp_path


def test_a_detector_that_does_not_start_ends_the_demo_and_leaves_nothing(no_detector: Path) -> None:
    result = CliRunner().invoke(app, ["demo", "--plain"])
    assert result.exit_code == 1
    assert "the detector did not start" in result.stderr
    assert list(no_detector.iterdir()) == []


def test_the_directory_is_kept_on_request(no_detector: Path) -> None:
    result = CliRunner().invoke(app, ["demo", "--plain", "--keep"])
    (kept,) = no_detector.iterdir()
    assert f"Everything is kept in {kept}" in result.output
    assert (kept / "detector.toml").exists()


def test_an_interrupted_demo_says_so(no_detector: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_stage.Stage, "_wait_until_ready", interrupt)
    result = CliRunner().invoke(app, ["demo", "--plain"])
    assert result.exit_code == 130
    assert "Interrupted" in result.output
    assert list(no_detector.iterdir()) == []
