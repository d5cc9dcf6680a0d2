"""Words, and their numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.words import MOST_WORDS, features, hashes, number_apart, words


@pytest.mark.parametrize(("text", "found"), [
    ("Don't  STOP", ["dont", "stop"]),
    ("it\u2019s", ["its"]),
    ("win $100!!", ["win", "$", "!", "!"]),
    ("ann@a.example wrote", ["wrote"]),
    ("see www.a.example or http://b.example/x", ["see", "or"]),
    ("one_two-three.four", ["one", "two", "three", "four"]),
    ("Übung \u2013 \u00abmacht\u00bb den Meister", ["übung", "macht", "den", "meister"]),
    ("", []),
])  # fmt: skip
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_features_are_of_stems_and_of_neighbours() -> None:
    assert set(features(["payment", "due"])) == set(features(["payments", "due"]))
    assert set(features(["a", "b"])) != set(features(["b", "a"]))
    assert len(features(["a", "b", "c"])) == 5
    assert len(features(["a"])) == 1
    assert len(features([])) == 0


def test_only_the_beginning_counts() -> None:
    beginning = [f"w{number}" for number in range(MOST_WORDS)]
    assert set(features(beginning)) == set(features([*beginning, "more"]))


def test_what_stands_apart_has_no_neighbours_and_is_not_cut() -> None:
    assert set(features(["+form", "pay", "now"])) == {*features(["pay", "now"]), *features(["+form"])}
    assert len(features(["+form", "+image"])) == 2
    assert set(features(["+attachment-exe"])) != set(features(["+attachment-pdf"]))
    assert number_apart(["+form", "+image", "pay"]) == 2
    assert number_apart([]) == 0


@given(st.text())
def test_no_word_is_taken_for_what_stands_apart(text: str) -> None:
    assert number_apart(words(text)) == 0


@given(st.text())
def test_numbers_are_ordered_and_distinct_whatever_the_text(text: str) -> None:
    numbers = features(words(text))
    assert bool((np.diff(numbers.astype(np.int64)) > 0).all())
    assert len(hashes(words(text))) == len(words(text))
