"""Findings have three levels."""

from detector.cli.finding import Finding, Level, hint, ok, problem


def test_each_level_has_its_word() -> None:
    assert ok("a", "b") == Finding(Level.OK, "a", "b")
    assert hint("a", "b").level is Level.HINT
    assert problem("a", "b").level is Level.PROBLEM
