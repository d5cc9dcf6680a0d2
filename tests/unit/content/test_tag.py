"""A tag means the same wherever it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.sheet import LINE
from detector.content.tag import (
    CLOSES,
    IMAGE,
    LEADS,
    LEADS_AND_OPENS,
    LONGEST_REMEMBERED,
    MOST_REMEMBERED,
    NOTHING,
    ODD,
    OPENS,
    Tag,
    meaning,
    understood,
)


def told(tag: Tag) -> tuple[str, int, str]:
    return tag.name, tag.kind, tag.apart


@pytest.mark.parametrize(("tag", "name", "kind", "apart"), [
    ("p", "p", OPENS, LINE),
    ("P align=left", "p", OPENS, LINE),
    ("/p", "p", CLOSES, LINE),
    ("/TD ", "td", CLOSES, " "),
    ("b", "b", OPENS, ""),
    ("br/", "br", NOTHING, LINE),
    ("img src=1", "img", IMAGE, " "),
    ("img alt='a' src=\"1\"", "img", IMAGE, " "),
    ('a href="http://a.example/"', "a", LEADS_AND_OPENS, ""),
    ("area href=x", "area", LEADS, ""),
    ("form action=x", "form", LEADS_AND_OPENS, ""),
    ("/a", "a", CLOSES, ""),
    ("/body", "body", NOTHING, ""),
    ("o:p", "o:p", OPENS, ""),
    ("!doctype html", "", NOTHING, ""),
    ("?xml", "", NOTHING, ""),
    ("/ p", "", NOTHING, ""),
])  # fmt: skip
def test_tags(tag: str, name: str, kind: int, apart: str) -> None:
    assert told(meaning(tag)) == (name, kind, apart)


@pytest.mark.parametrize(("tag", "name"), [
    ("!-- no", "!--"),
    ("STYLE type=text/css", "style"),
    ("script", "script"),
    (" 2", ""),
    ("", ""),
    ('p title="a ', "?"),
    ('img alt="a ', "?"),
    ("p title='a ", "?"),
    ("img src=1234567890 alt='a ", "?"),
])  # fmt: skip
def test_after_some_tags_there_is_not_simply_text(tag: str, name: str) -> None:
    assert told(meaning(tag)) == (name, ODD, "")


def test_a_tag_that_is_only_left_open_is_an_element() -> None:
    assert told(understood('p title="a ')) == ("p", OPENS, LINE)
    assert told(understood("?")) == ("", NOTHING, "")


@pytest.mark.parametrize("tag", [
    'a href="https://a.example/?x=1;y" style="display:none"',
    "a style='display:none' href='http://a.example/'",
    "td style=\"background:url(http://a.example/x.png);display:none\"",
    'a title="http://a.example" href="http://b.example" style="display:none"',
    'p id="' + 500 * "x" + '" style="display:none"',
])  # fmt: skip
def test_links_in_a_tag_do_not_hide_its_style(tag: str) -> None:
    assert ("gone", 1) in meaning(tag).changes


def test_what_is_shown_as_it_is_has_no_changes() -> None:
    assert meaning("td width=100 align=left").changes == ()
    assert meaning("br style='display:none'").changes == ()


@given(
    st.sampled_from(["", "a ", "/p", "td style=", "!--", "img ", "img alt="]),
    st.text(alphabet="aApPtTdDiImMgGsS/!?-= \"'\n:;htp<"),
)
def test_neither_case_nor_length_make_another_tag(begin: str, text: str) -> None:
    tag = meaning(begin + text)
    for same in ((begin + text).swapcase(), begin + text + LONGEST_REMEMBERED * " "):
        assert told(meaning(same)) == told(tag)
        assert meaning(same).changes == tag.changes


def test_tags_mean_the_same_when_more_were_met_than_are_remembered() -> None:
    before = told(meaning("td x=1"))
    for number in range(2 * MOST_REMEMBERED):
        meaning(f"b x={number}")
    assert told(meaning("td x=1")) == before
