"""Score and fingerprint, whether compiled or not."""

import pytest

from detector.content import kernel
from detector.content.glance import by_arrays, by_kernel, features_of, glance, words_of
from detector.content.letter import Letter
from detector.content.model import TextModel
from detector.content.text import read
from detector.content.words import features, words
from detector.mail.written import Written
from detector.models import load_content


@pytest.fixture(scope="module")
def shipped() -> TextModel:
    return load_content()[0]


@pytest.fixture
def letter() -> Letter:
    return read(Written.of(b"Subject: Verify your account\r\n\r\nplease call\r\n> or write\r\n"))


def test_a_word_of_the_subject_is_read_as_such_and_as_a_word(letter: Letter) -> None:
    found = words_of(letter)
    assert found.ends == (3, 5, 7)
    assert found.wholes.tolist() == words("verify your account please call or write").wholes.tolist()
    assert features_of(found).tolist() == features(found, titled=3).tolist()


def test_the_same_is_said_where_nothing_is_compiled(
    shipped: TextModel, letter: Letter, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = glance(letter, shipped)
    monkeypatch.setattr(kernel, "COMPILED", False)
    assert glance(letter, shipped) == before == by_arrays(letter, shipped)


@pytest.mark.skipif(not kernel.COMPILED, reason="NOT COMPILED: install a C compiler and run make")
def test_where_it_is_compiled_the_arrays_are_for_what_the_kernel_does_not_take(
    shipped: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 240  # each is 18 letters when it is folded
    huge = read(Written.of(f"Subject: {text}\r\n\r\n{text}\r\n> {text}\r\n".encode()))
    assert by_kernel(huge, shipped) is None
    assert glance(huge, shipped) == by_arrays(huge, shipped)
