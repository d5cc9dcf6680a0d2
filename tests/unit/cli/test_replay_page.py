"""The report of a replay on the terminal."""

from dataclasses import replace

import pytest

from detector.cli.replay_page import MOST_STOPS, show
from detector.models import load_prior
from detector.replay.findings import Findings
from detector.verdict.policy import Policy
from tests.unit.replay.stories import found


@pytest.fixture(scope="module")
def findings() -> Findings:
    prior, model_version = load_prior()
    return found(Policy(b"key", prior, model_version))


def test_it_tells_who_when_why_and_what_other_thresholds_cost(
    findings: Findings, capsys: pytest.CaptureFixture[str]
) -> None:
    show(findings, ["3 lines broken."])
    page = capsys.readouterr().out
    for words in ("1 account would have been stopped", "\nann\n", "3 lines broken.", "MEDIAN", *findings.stops[0].why):
        assert words in page
    assert sum(line.split()[0] == "12" for line in page.splitlines() if line.strip()) == 1


def test_a_long_list_is_cut(findings: Findings, capsys: pytest.CaptureFixture[str]) -> None:
    show(replace(findings, stops=findings.stops * (MOST_STOPS + 3)), [])
    assert "... and 3 more" in capsys.readouterr().out
