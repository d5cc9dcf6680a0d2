"""The demo's report fits a terminal and hides no failure."""

import json
from pathlib import Path

import pytest

from detector.cli.demo_report import report, write_json
from detector.cli.demo_result import Other, Result


def result() -> Result:
    return Result(
        account="elin@hafen.example",
        stolen_messages=3,
        stolen_recipients=60,
        escaped=15,
        refused=5,
        kept_back=40,
        asked_before_verdict=40,
        seconds_to_block=0.4,
        explanation=["40 first-time recipients in 10 minutes; usual for this account: at most 3 (+13.4) and more"],
        alert={"event": "incident.contained", "evidence": ["one", "two", "three"]},
        notice="Subject: x\n\n    1. a long line " + "word " * 30,
        others=[Other("otto@hafen.example", 3, 3, 3, 1, 0, 0, 2.1)],
        incidents=1,
        arrived_as_told=True,
    )


def test_the_report_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    report(result(), plain=True)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "15  got it before the account was blocked" in printed
    assert "3 of 3 recipients reached, 1 of them later; longest wait 2.1 s" in printed
    assert "... and 2 more lines" in printed
    assert "nobody else was hurt" in printed


def test_what_did_not_happen_is_a_dash_and_a_failure_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    failed = result()
    failed.problems = ["its password was not changed"]
    report(failed, plain=True)
    printed = capsys.readouterr().out
    assert "-  s from the verdict to the changed password" in printed
    assert "It did not go as it must: its password was not changed" in printed


def test_the_result_is_written_as_json(tmp_path: Path) -> None:
    write_json(result(), tmp_path / "result.json")
    written = json.loads((tmp_path / "result.json").read_text())
    assert written["passed"] is True
    assert written["escaped"] == 15
