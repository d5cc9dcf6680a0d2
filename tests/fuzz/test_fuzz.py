"""What fuzzing found stays mended, and a second of it for each target finds nothing new; `make fuzz` takes longer."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, TARGETS

ROOT = Path(__file__).parents[2]
KEPT = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.glob("*/*"))


@pytest.mark.parametrize("kept", KEPT)
def test_what_is_kept_harms_nobody(kept: str) -> None:
    assert TARGETS[kept.partition("/")[0]]((CORPUS / kept).read_bytes()) is None


def test_each_target_has_a_corpus_and_each_corpus_a_target() -> None:
    assert {kept.partition("/")[0] for kept in KEPT} == set(TARGETS)


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="NOT FUZZED: atheris has no wheel for this Python"
)
def test_a_second_of_fuzzing_finds_nothing(tmp_path: Path) -> None:
    """On the build machine with the same lots every time, as hypothesis has it there."""
    seed = "1" if os.environ.get("CI") == "true" else "0"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "KEEP": str(tmp_path), "SEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr[-5000:]
