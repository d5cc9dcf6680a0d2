"""The page of `detector doctor`: what is wrong first, then everything that is known."""

from collections.abc import Iterable
from itertools import groupby

from detector.cli.doctor_part import Part, Report, in_words
from detector.cli.finding import Finding, Level
from detector.cli.page import Page
from detector.cli.words import counted, moment

STYLES = {Level.PROBLEM: "bold red", Level.HINT: "yellow"}


def show(report: Report) -> None:
    """On standard output."""
    page = Page()
    findings = [one for part in report.parts for one in part.findings]
    bad = [one for level in STYLES for one in findings if one.level is level]
    numbers = ", ".join(counted(sum(one.level is level for one in bad), level.value) for level in STYLES)
    page.line(f"{moment(report.at)} UTC: {numbers}", "" if report.well else "bold red")
    for one in bad:
        page.line(f"{one.level:<8} {one.about}: {one.text}", STYLES[one.level])
    for part in report.parts:
        _part(page, part)


def _part(page: Page, part: Part) -> None:
    facts, fine = dict(in_words(name, fact) for name, fact in _readable(part)), _fine(part.findings)
    if facts or fine:
        page.heading(part.name)
    for fields in filter(None, (facts, fine)):
        page.fields(fields)


def _readable(part: Part) -> Iterable[tuple[str, str | int | float | bool]]:
    """Without the stores that are empty: they are many."""
    return [(name, fact) for name, fact in part.facts.items() if fact != 0 or not name.endswith((" rows", " files"))]


def _fine(findings: Iterable[Finding]) -> dict[str, str]:
    in_order = [one for one in findings if one.level is Level.OK]
    return {about: "; ".join(one.text for one in some) for about, some in groupby(in_order, lambda one: one.about)}
