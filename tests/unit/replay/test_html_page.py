"""The report as a page."""

import re
from dataclasses import replace
from html.parser import HTMLParser

from detector.replay.findings import Collector, Hold
from detector.replay.html_page import html_page
from detector.verdict.policy import Policy
from tests.unit.replay.stories import THEFT, found

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
    assert "Nothing could be judged" in page
    assert "<table" not in page


def test_the_page_tells_whose_mail_would_have_been_held(policy: Policy) -> None:
    findings = found(policy)
    hold = Hold("<b>eve", THEFT, 7.3, ["many strangers", "7.3 in all"], 2)
    page = html_page(replace(findings, held_accounts=12, held_messages=30, holds=[hold]), [])
    read(page)
    for words in ("&lt;b&gt;eve", "2 messages, the first 2024-11-13 01:00 with 7.3 nats", "many strangers", "of 12:"):
        assert words in page
    assert "No mail would have been held" in html_page(replace(findings, held_accounts=0, holds=[]), [])


def test_the_threshold_in_use_is_a_row_that_is_marked(policy: Policy) -> None:
    page = html_page(found(policy), [])
    (row,) = re.findall('<tr class="chosen">.*?</tr>', page)
    assert f">{policy.block_score:g}<" in row
