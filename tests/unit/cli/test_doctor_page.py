"""One page: what is wrong first, and nothing that only fills it."""

import pytest

from detector.cli.doctor_page import show
from detector.cli.doctor_part import Part, report
from detector.cli.finding import hint, ok, problem


def test_problems_come_before_hints_and_before_the_parts(capsys: pytest.CaptureFixture[str]) -> None:
    one = Part("one", {"free_bytes": 2048, "joins rows": 0, "old rows": 2}, [hint("a", "look"), ok("b", "fine")])
    other = Part("other", {"running": False}, [problem("c", "mend it"), ok("b", "good"), ok("b", "very")])
    show(report(0.0, [one, other]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["1970-01-01 00:00:00 UTC: 1 problem, 1 hint", "problem  c: mend it", "hint     a: look"]
    text = "\n".join(lines[3:])
    assert "one\nfree      2.0 KiB\nold rows  2\nb  fine" in text
    assert "joins" not in text
    assert "b  good; very" in text


def test_a_part_of_which_nothing_is_known_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    show(report(0.0, [Part("records", {}, [problem("records", "gone")]), Part("certificates", {})]))
    assert capsys.readouterr().out.splitlines()[1:] == ["problem  records: gone"]


def test_what_was_found_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show(report(0.0, [Part("one", {"version": "\x1b[2J"}, [problem("c", "\x1b]0;x\x07")])]))
    assert "\x1b" not in capsys.readouterr().out
