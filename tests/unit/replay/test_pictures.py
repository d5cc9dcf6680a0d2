"""Bar charts."""

import xml.etree.ElementTree as ET

from detector.replay.pictures import bars


def drawn(picture: str) -> ET.Element:
    return ET.fromstring(picture)  # noqa: S314 - our own


def test_each_value_is_a_bar_and_the_highest_is_the_tallest() -> None:
    rects = list(drawn(bars([1.0, 4.0, 2.0], ["a", "b", "c"], ("from", "to"), {1: "here"})).iter("rect"))
    heights = [float(rect.attrib["height"]) for rect in rects]
    assert heights[1] == 2 * heights[2] == 4 * heights[0]
    assert [rect.attrib["class"] for rect in rects] == ["bar", "marked", "bar"]


def test_nothing_is_drawn_where_nothing_was() -> None:
    assert not list(drawn(bars([0.0, 0.0], ["a", "b"], ("from", "to"), {})).iter("rect"))
    assert not list(drawn(bars([], [], ("", ""), {})).iter("rect"))


def test_words_from_outside_are_escaped() -> None:
    assert "<script>" not in bars([1.0], ["<script>"], ("<script>", "<script>"), {0: "<script>"})
