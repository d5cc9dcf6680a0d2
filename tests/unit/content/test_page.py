"""HTML is read as it is shown."""

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.page import MOST_LINKS, MOST_TAGS, MOST_TEXT, rendered
from detector.content.words import MOST_TEXT as MOST_READ


@pytest.mark.parametrize(("source", "text"), [
    ("plain", "plain"),
    ("<p>one</p><p>two</p>", "one\ntwo"),
    ("one<br>two<BR/>three", "one\ntwo\nthree"),
    ("V<b></b>ia<i>g</i>ra", "Viagra"),
    ("a<!-- no -->b<!-- <p>no</p> -->c", "abc"),
    ("a<!-- never closed b", "a"),
    ("<title>no</title><style>p{no}</style><script>if (1 < 2) no()</script>yes", "yes"),
    ("a<script>never closed", "a"),
    ("&lt;b&gt; &amp; &#65;&nbsp;&eacute;", "<b> & A é"),
    ('<p title="a > b">text</p>', "text"),
    ("<td>one</td><td>two</td>", "one two"),
    ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ("<![if !mso]>seen<![endif]>", "seen"),
    ('<div style="display:none"><div>no</div>no</div>yes', "yes"),
    ('<span style="display:none">no<p>no</span>yes', "yes"),
    ('<p style="font-size:0">no<p>yes', "yes"),
    ('<div style="display:none">never closed', ""),
    ('<td bgcolor="black"><font color="white">yes</font></td>', "yes"),
    ("<div><font color='#fffffe'>no</font>yes</div>", "yes"),
    ("</div></div>yes", "yes"),
    ('<p style="display:none">no<div>yes</div>', "yes"),
    ('<tr style="display:none"><td>no<tr><td>yes', "yes"),
    ('<td><span style="display:none">no</td>yes', "yes"),
    ('<div style="display:none"><b>no</div>yes', "yes"),
    ("<body bgcolor=black><font color=white>yes</font></body></html>no", "yes"),
    ("<!-->yes<!-- no --->yes", "yesyes"),
    ("<!-- a <b> -- c <--> yes", "yes"),
    ("<p style=display:none>no", ""),
    ("<style>.x{display:none}</style><p class='y x'>no</p>yes", "yes"),
    ("<style><!-- </style>yes", "yes"),
    ("<img alt='a > b'>yes", "yes"),
    ("<img src=1234567890 alt='a > b'>yes", "yes"),
    ("one\r\n   two \t three<br> \n four", "one two three\nfour"),
    ("a <", "a <"),
])  # fmt: skip
def test_what_is_seen(source: str, text: str) -> None:
    assert rendered(source).text == text


def test_links_know_where_they_lead_and_what_they_show() -> None:
    page = rendered('<a href="http://a.example/?x=1&amp;y=2">the <b>bank</b></a> <A HREF=mailto:b@c.example>me</A>')
    assert [(anchor.target, anchor.shown) for anchor in page.anchors] == [
        ("http://a.example/?x=1&y=2", "the bank"),
        ("mailto:b@c.example", "me"),
    ]


def test_forms_and_pictures_are_seen() -> None:
    page = rendered('<form action="https://a.example/in"><img src=1><img src=2><input name=password></form>')
    assert (page.form, page.images, page.anchors[0].target) == (True, 2, "https://a.example/in")


def test_hidden_characters_are_counted() -> None:
    assert rendered('seen<i style="display:none">four</i>').hidden == 4


def test_links_far_down_a_long_page_are_found() -> None:
    page = rendered("<p>" + "word " * MOST_TEXT + "<p>more" + '<a href="http://far.example/">x</a>')
    assert [anchor.target for anchor in page.anchors] == ["http://far.example/"]


def test_the_beginning_of_a_long_page_is_read_however_it_is_written() -> None:
    for word in ("word ", "word\n\t\t\t\t\t\t", "&#119;&#111;&#114;&#100; ", "<b>word</b> "):
        text = rendered(word * 5000).text
        assert text.startswith("word word ")
        assert len(text) >= MOST_READ


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a",
        "<!--",
        "<a href=",
        "<script",
        '<a title="',
        "<div style='color:",
        "&#",
        "</a>",
        "<p style='x'>",
        "<style>.a{",
    ],
)
def test_hostile_pages_are_read(piece: str) -> None:
    page = rendered(piece * 50_000)
    assert len(page.anchors) <= MOST_LINKS


PIECES = st.sampled_from([
    "<", ">", "/", "!--", "-->", "a", " href=", '"', "'", "style=", "display:none", "<div ", "</div>", "<p>",
    "&#xd800;", "&nbsp;", "text", "<script>", "</script", "=", "<a href='http://x.example'>", "</a>", "<form", "<img>",
    "\0",
])  # fmt: skip


@given(st.lists(PIECES, max_size=60).map("".join))
def test_whatever_a_page_is_made_of_it_shows_no_more_than_it_holds(source: str) -> None:
    page = rendered(source)
    assert page.text.encode().decode() == page.text
    assert len(page.text) + page.hidden <= len(source)
    assert page.images <= source.count("<img")
    assert page.form <= ("<form" in source)
    assert len(page.anchors) <= source.count("href=")


@given(st.text(st.characters(exclude_characters="\0")), st.text("xyz &<>'\""))
def test_a_text_that_is_written_as_html_is_read_and_one_that_is_hidden_is_not(text: str, hidden: str) -> None:
    page = rendered(f'<p>{escape(text)}<i style="display:none">{escape(hidden)}</i>')
    assert page.text == " ".join(text.split())
    assert (page.hidden > 0) is bool(hidden.strip())


def test_links_are_sought_in_so_many_tags_and_no_more() -> None:
    def links(tags: int) -> int:
        return len(rendered("x" * 3000 + "<a x>" * tags + '<a href="http://a.example/">y</a>').anchors)

    assert links(1000) == 1
    assert links(3 * MOST_TAGS) == 0
