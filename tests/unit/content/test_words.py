"""Words, and their numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.words import LONGEST, MOST_ODD, MOST_TEXT, MOST_WORDS, STEM, features, mixed, plain, words

MARKED = st.text("ab \u00fc\n'@/w.!\u20ac1_\u2022\u2019\ud800") | st.text()


@pytest.mark.parametrize(("text", "found"), [
    ("Don't  STOP", ["dont", "stop"]),
    ("it\u2019s", ["its"]),
    ("win $100!!", ["win", "$", "!", "!"]),
    ("ann@a.example wrote", ["wrote"]),
    ("see www.a.example or http://b.example/x", ["see", "or"]),
    ("to\nann@a.example\nand\tmax@b.example (both) wrote", ["to", "and", "both", "wrote"]),
    ("one_two-three.four", ["one", "two", "three", "four"]),
    ("Übung \u2013 \u00abmacht\u00bb den Meister", ["übung", "macht", "den", "meister"]),
    ("5 \u20ac \u2022 100 \u00a3", ["\u20ac", "\u00a3"]),
    ("a\ud800b", ["a", "b"]),
    ("", []),
])  # fmt: skip
def test_words(text: str, found: list[str]) -> None:
    assert plain(text).split() == found


def test_any_number_of_kinds_of_marks_is_no_word() -> None:
    marks = [chr(code) for code in range(0x2190, 0x2190 + 2 * MOST_ODD)]  # arrows
    assert plain(f"one{''.join(marks)}two!").split() == ["one", "two", "!"]


@given(MARKED)
def test_words_are_numbered_one_by_one(text: str) -> None:
    found, written = words(text), plain(text).split()
    assert found.letters.tolist() == [len(word) for word in written]
    assert found.wholes.tolist() == [int(words(word).wholes[0]) for word in written]
    assert found.stems.tolist() == [int(words(word[:STEM]).wholes[0]) for word in written]


@given(MARKED, MARKED, MARKED)
def test_texts_are_numbered_together_as_they_are_alone(one: str, other: str, third: str) -> None:
    together = words(one, other, third)
    assert together.ends[-1] == len(together)
    for number, text in enumerate((one, other, third)):
        part, alone = together.part(number), words(text)
        assert part.ends == alone.ends == (len(part),)
        assert part.wholes.tolist() == alone.wholes.tolist()
        assert part.stems.tolist() == alone.stems.tolist()
        assert part.letters.tolist() == alone.letters.tolist()


def test_texts_of_nothing_but_signs_are_cut_and_not_refused() -> None:
    found = words(*["!" * MOST_TEXT] * 4)
    assert len(found) == LONGEST // 3 - 1  # a blank, the sign, a blank
    assert found.ends[-1] == len(found)
    assert len(set(found.wholes.tolist())) == 1


def test_different_words_have_different_numbers() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    text = [f"{one}{two}{three}" for one in letters for two in letters for three in letters]
    found = [number for at in range(0, len(text), 400) for number in mixed(words(" ".join(text[at : at + 400])).wholes)]
    assert len(found) == len(text)
    assert len(set(found)) >= len(text) - 2  # of 2^32


def test_features_are_of_stems_and_of_neighbours() -> None:
    assert set(features(words("payment due"))) == set(features(words("payments due")))
    assert set(features(words("a b"))) != set(features(words("b a")))
    assert len(features(words("a b c"))) == 5
    assert len(features(words("a"))) == 1
    assert len(features(words(""))) == 0


def test_only_the_beginning_counts() -> None:
    beginning = " ".join(["ab"] * (MOST_WORDS - 1) + ["last"])
    assert set(features(words(beginning))) == set(features(words(f"{beginning} more")))


def test_words_of_a_subject_count_once_more_and_have_no_neighbours_there() -> None:
    found = words("pay now", "or never")
    once, more = set(features(found)), set(features(found, titled=2))
    assert once < more
    assert len(more) == len(once) + 2
    assert more - once < set(features(words("now pay"), titled=2))


@given(MARKED, st.integers(0, 5))
def test_numbers_are_ordered_and_distinct_whatever_the_text(text: str, titled: int) -> None:
    numbers = features(words(text), titled)
    assert bool((np.diff(numbers.astype(np.int64)) > 0).all())
