"""The report as a page."""

import re
from html.parser import HTMLParser

from detector.replay.findings import Collector
from detector.replay.html_page import html_page
from detector.verdict.policy import Policy
from tests.unit.replay.stories import found

VOID = {"meta", "line", "br"}


class Nesting(HTMLParser):
    """Notes tags that are closed in another order than they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Nesting:
    nesting = Nesting()
    nesting.feed(page)
    nesting.close()
    assert nesting.open == []
    return nesting


def test_the_page_tells_who_was_stopped_and_why_with_pictures(policy: Policy) -> None:
    findings = found(policy)
    page = html_page(findings, ["3 lines were broken."])
    assert read(page).seen.count("svg") == 3
    assert "<h3>ann</h3>" in page
    assert "3 lines were broken." in page
    assert findings.stops[0].why[-1] in page


def test_the_page_needs_nothing_but_itself(policy: Policy) -> None:
    page = html_page(found(policy), [])
    assert not re.search(r"https?:|//|src=|href=|url\(|@import|<script|<link", page)


def test_names_from_the_record_cannot_write_the_page(policy: Policy) -> None:
    page = html_page(found(policy, victim='<img src=x onerror="1">\udcff\x1b'), [])
    assert "img" not in read(page).seen
    page.encode("utf-8")


def test_an_empty_record_makes_a_page_too() -> None:
    page = html_page(Collector(11.5).findings(), [])
    read(page)
    assert "no mail of an account" in page
