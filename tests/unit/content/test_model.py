"""A score, and how unusual it is among clean mail."""

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.model import CLASSES, LONGEST_ROW, MOST_SEEN, TextModel, Usual, divisor, sane
from detector.content.words import features, words
from detector.verdict.odds import calibrated

SCORES = st.floats(-50.0, 50.0)


def model(**weights: float) -> TextModel:
    pairs = sorted((int(features(words(word))[0]), weight) for word, weight in weights.items())
    return TextModel(np.array([key for key, _ in pairs], np.uint32), np.array([w for _, w in pairs], np.float32), -1.0)


def score(small: TextModel, text: str) -> float:
    return small.score(features(words(text)))


def test_known_words_move_the_score() -> None:
    small = model(lottery=5.0, meeting=-5.0)
    assert score(small, "lottery") > score(small, "other") > score(small, "meeting")


def test_a_text_of_unknown_words_is_no_evidence() -> None:
    assert score(model(lottery=5.0), "Ein Satz in einer fremden Sprache") == -1.0
    assert score(model(lottery=5.0), "") == -1.0


def test_foreign_words_around_a_known_one_weaken_it() -> None:
    small = model(lottery=5.0)
    assert score(small, "lottery a b c d e f g h i j") < score(small, "lottery")


@given(
    st.dictionaries(st.integers(0, 2**32 - 1) | st.integers(0, LONGEST_ROW - 2), st.floats(-8, 8, width=16)),
    st.sets(st.integers(0, 2**32 - 1) | st.integers(0, LONGEST_ROW)),
)
def test_each_key_is_found_and_no_other(weights: dict[int, float], asked: set[int]) -> None:
    keys = np.array(sorted(weights), np.uint32)
    small = TextModel(keys, np.array([weights[int(key)] for key in keys], np.float32), 0.0)
    total = sum(weights.get(key, 0.0) for key in asked)
    assert small.score(np.array(sorted(asked), np.uint32)) == pytest.approx(total / divisor(len(asked)))


@pytest.mark.parametrize(("keys", "fault"), [
    ([2, 1], "ascend"),
    ([1, 1], "ascend"),
    (range(LONGEST_ROW + 1), "same first half"),
])  # fmt: skip
def test_keys_that_are_no_hashes_in_order_are_refused(keys: list[int], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        TextModel(np.array(keys, np.uint32), np.ones(len(keys), np.float32), 0.0)


@given(st.integers(0, 800), st.integers(1, 800))
def test_more_words_that_say_the_same_are_more_evidence_but_less_than_so_many_times(count: int, more: int) -> None:
    assert divisor(count) < divisor(count + more)
    assert count / divisor(count) < (count + more) / divisor(count + more)


def test_a_model_that_cannot_tell_is_not_sane() -> None:
    usual = Usual.of([0.0], 100.0)
    assert sane(model(lottery=5.0), usual)
    assert not sane(model(lottery=-5.0), usual)
    assert not sane(model(lottery=float("nan")), usual)
    assert not sane(model(lottery=5.0), Usual((0.0,) * CLASSES))


def test_the_higher_the_rarer() -> None:
    usual = Usual.of([number / 100 for number in range(-500, 500)], 2000.0)
    assert usual.p(-5.0) == 1.0
    assert usual.p(4.5) == pytest.approx(0.05, abs=0.01)
    assert usual.p(9.0) == pytest.approx(1 / 2001)
    assert usual.surprise(9.0) > usual.surprise(4.5) > usual.surprise(0.0)


def test_a_model_that_does_not_fit_falls_silent() -> None:
    usual = Usual.of([-3.0] * 100, 2000.0)
    before = calibrated(usual.surprise(4.0))
    for _ in range(2000):
        usual = usual.update(4.0)
    assert calibrated(usual.surprise(4.0)) < 0.0 < before


@given(st.lists(SCORES, min_size=200, max_size=400), st.integers(0, 3))
def test_e_values_of_clean_mail_are_honest(scores: list[float], seed: int) -> None:
    """Whatever its scores are like, in random order: at most 1 in the mean, up to what chance does."""
    order = np.random.default_rng(seed).permutation(len(scores))
    usual, e_values = Usual((0.0,) * CLASSES), []
    for place in order:
        e_values.append(exp(calibrated(usual.surprise(scores[place]))))
        usual = usual.update(scores[place])
    assert np.mean(e_values) < 2.0


@given(st.lists(SCORES, max_size=50), SCORES)
def test_p_is_a_share(scores: list[float], score: float) -> None:
    usual = Usual.of([0.0], 10.0)
    for one in scores:
        usual = usual.update(one)
    assert 0.0 < usual.p(score) <= 1.0


def test_what_was_long_ago_fades() -> None:
    usual = Usual((MOST_SEEN, *(0.0,) * (CLASSES - 1))).update(0.0)
    assert sum(usual.counts) == pytest.approx(MOST_SEEN / 2, rel=0.01)


def test_packed_and_back() -> None:
    usual = Usual.of([0.0, 1.0, 2.0, 3.0], 1024.0).update(5.0)
    assert Usual.unpack(usual.pack()) == usual


@pytest.mark.parametrize("packed", [b"", b"x" * 3, b"\xff" * 4 * CLASSES, np.full(CLASSES, -1, "<f4").tobytes()])
def test_what_was_never_packed_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"octets|counts"):
        Usual.unpack(packed)
