"""What the model learns from the texts, and how much each of them weighs."""

import numpy as np
import pytest

from detector.content.fingerprint import Fingerprint
from detector.content.model import TextModel
from detector.content.words import features, words
from detector.training.corpus import OUR_OWN, Example
from detector.training.fit import LEAST_TEXTS, fit


def texts(family: str, spam: bool, word: str, count: int = 20, language: str = "en") -> list[Example]:
    asked = features(words(f"{word} the garden"))
    return [Example(f"{family}/{n}", spam, f"{family}-x", language, asked, Fingerprint(n, ())) for n in range(count)]


def score(model: TextModel, word: str) -> float:
    return model.score(features(words(word)))


def both() -> list[Example]:
    return texts("one", True, "lottery") + texts("one", False, "minutes") + texts("two", False, "budget")


def test_what_only_spam_says_speaks_for_spam() -> None:
    model = fit(both())
    assert score(model, "lottery") > score(model, "garden") > score(model, "minutes")


def test_rare_words_are_unknown() -> None:
    model = fit(both() + texts("one", True, "zebra", count=LEAST_TEXTS - 1))
    assert score(model, "zebra") == score(model, "unheard")


def test_a_large_corpus_does_not_outvote_the_others() -> None:
    """Of a word that is spam in a small corpus and ham in one of thirty times its size."""
    small, large = texts("small", True, "invoice"), texts("large", False, "invoice", count=600)
    model = fit([*both(), *small, *large, *texts("large", True, "casino", count=600)])
    alone = fit([*both(), *small, *texts("large", False, "invoice", count=20), *texts("large", True, "casino")])
    assert abs(score(model, "invoice") - score(alone, "invoice")) < 1.5


def test_our_own_sentences_weigh_more_than_as_many_of_a_corpus() -> None:
    ours = fit(both() + texts(OUR_OWN, True, "budget", count=5))
    theirs = fit(both() + texts("three", True, "budget", count=5))
    assert score(ours, "budget") > score(theirs, "budget")


def test_a_word_of_every_text_says_little() -> None:
    model = fit(both())
    assert abs(score(model, "the") - model.bias) < 0.1


def test_languages_with_little_ham_are_not_learned() -> None:
    model = fit(both() + texts("one", True, "gewinn", language="de"))
    assert score(model, "gewinn") == score(model, "unheard")


def test_weights_are_those_that_the_file_keeps() -> None:
    weights = fit(both()).weights
    assert (weights == weights.astype(np.float16)).all()


@pytest.mark.parametrize("spam", [True, False])
def test_one_label_alone_teaches_nothing(spam: bool) -> None:
    with pytest.raises(ValueError, match="both ham and spam are needed"):
        fit(texts("one", spam, "minutes"))
