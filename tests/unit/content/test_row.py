"""The words of a text are those that the arrays have, number by number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content import kernel
from detector.content.row import Row
from detector.content.words import simple, words

pytestmark = pytest.mark.skipif(not kernel.COMPILED, reason="NOT COMPILED: install a C compiler and run make")

PIECES = ["you", "we", "notorious", "you've", "'", "win!", "$5,000", "!!", "a-b", "http://a.example", "ann@b", "www.c"]
MORE = ["a/b", "//", "ww.d", ".", "größe", "€", " ", "  ", "\n", "w", "/", "@"]
TEXTS = st.lists(st.sampled_from([*PIECES, *MORE]), max_size=60).map("".join)


def numbers(octets: bytes) -> list[int]:
    return [int(number) for number in np.frombuffer(octets, "<u8")]


@given(TEXTS, TEXTS)
def test_each_word_has_the_number_that_the_arrays_give_it(text: str, more: str) -> None:
    row, found = Row(), words(text, more)
    row.read(simple(text))
    assert len(row.stems) == 8 * found.ends[0]
    row.read(simple(more))
    assert numbers(row.stems.getvalue()) == found.stems.tolist()
    assert numbers(row.wholes.getvalue()) == found.wholes[found.letters >= 3].tolist()


@pytest.mark.parametrize("address", ["ann@b.example", "http://a.example/x", "www.a.example", "wwww.a", "a//b", "@"])
def test_nothing_that_stands_in_an_address_is_a_word(address: str) -> None:
    row, other = Row(), Row()
    row.read(f"see {address} and {address}")
    other.read("see and")
    assert row.stems.getvalue() == other.stems.getvalue()
    assert row.wholes.getvalue() == other.wholes.getvalue()
