"""What is compiled counts as the arrays do, number by number."""

import re
from importlib import import_module
from importlib.machinery import ExtensionFileLoader
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content import kernel
from detector.content.glance import by_arrays, by_kernel
from detector.content.letter import PLAIN, Letter
from detector.content.model import TextModel
from detector.content.words import features, mixed, words
from detector.models import load_content

ROOT = Path(__file__).parents[3]
COMPILED = re.findall(r'^    "(detector/.*\.py)",$', (ROOT / "setup.py").read_text(), re.MULTILINE)

pytestmark = pytest.mark.skipif(not kernel.COMPILED, reason="NOT COMPILED: install a C compiler and run make")

WORDS = st.one_of(
    st.text("abcXYZ", min_size=1, max_size=12),
    st.sampled_from(["you've", "'", "''a", "win!", "$5,000", "100%", "!!!", "a-b", "a_b", "x\x00y", "?", "."]),
    st.sampled_from(["http://a.example/x", "ann@b.example", "WWW.c.example", "ww.d", "wwww.e", "a/b", "a//b", "@"]),
    st.sampled_from(["größe", "Ünder", "ст\u0430тья", "日本語", "£", "€5", "İstanbul", "\u2019s", "…", "\ud800"]),
)
BLANKS = st.sampled_from([" ", "  ", "\n", "\r\n", "\t", "\x0b", "\x1c", "\xa0", "\u3000"])
TEXTS = st.lists(st.tuples(WORDS, BLANKS), max_size=80).map(lambda pairs: "".join(map("".join, pairs))) | st.text()


def letter(subject: str, text: str, quoted: str) -> Letter:
    return Letter(subject, text, quoted, (), "", PLAIN)


@pytest.fixture(scope="module")
def shipped() -> TextModel:
    return load_content()[0]


@given(TEXTS, TEXTS, TEXTS)
def test_both_ways_say_the_same_of_any_letter(shipped: TextModel, subject: str, text: str, quoted: str) -> None:
    one = letter(subject, text, quoted)
    assert by_kernel(one, shipped) == by_arrays(one, shipped)


@given(TEXTS, st.integers(1, 300), TEXTS)
def test_both_ways_end_in_the_same_place_of_a_long_letter(
    shipped: TextModel, text: str, times: int, quoted: str
) -> None:
    one = letter(text[:250], text * times, quoted * times)
    seen = by_kernel(one, shipped)
    assert seen is None or seen == by_arrays(one, shipped)


@given(st.text("abc ", min_size=20, max_size=200), st.data())
def test_both_ways_weigh_alike_by_any_model(text: str, data: st.DataObject) -> None:
    asked = features(words("", text, ""), 0).tolist()
    known = data.draw(st.sets(st.sampled_from([0, 0xFFFF_FFFF, *asked, *[key ^ 1 for key in asked]]), min_size=1))
    # All numbers that are finite in half precision: sums of their greatest and least ones must lose nothing.
    weights = data.draw(st.lists(st.floats(-65504, 65504, width=16), min_size=len(known), max_size=len(known)))
    model = TextModel(np.array(sorted(known), np.uint32), np.array(weights, np.float32), 0.5)
    one = letter("", text, "")
    assert by_kernel(one, model) == by_arrays(one, model)


def test_what_the_arrays_would_cut_is_left_to_them(shipped: TextModel) -> None:
    assert by_kernel(letter("x" * 2000, "a" * 2000, "b" * 2000), shipped) is None


def test_there_is_room_for_as_many_different_words_as_there_can_be(shipped: TextModel) -> None:
    """A table that is full would be searched for ever."""
    many = " ".join(chr(code) for code in range(0x4E00, 0x4E00 + 999))
    more = " ".join(chr(code) * 3 for code in range(0x5E00, 0x5E00 + 500))
    one = letter(many, more, more[:1000])
    assert len(set(mixed(words(many, more).stems).tolist())) > 1400
    assert by_kernel(one, shipped) == by_arrays(one, shipped)


@pytest.mark.parametrize("module", COMPILED)
def test_what_runs_was_compiled_from_what_is_written(module: str) -> None:
    runs = import_module(module.removesuffix(".py").replace("/", "."))
    assert isinstance(runs.__loader__, ExtensionFileLoader)
    # What a module of a group says of its file need not be so.
    made = [file for file in (ROOT / module).parent.glob("*.so") if file.name.startswith(f"{(ROOT / module).stem}.")]
    assert made
    assert made[0].stat().st_mtime >= (ROOT / module).stat().st_mtime, (
        f"{module} was edited since: run make test, or setup.py"
    )


@pytest.mark.parametrize("module", COMPILED)
def test_what_is_compiled_defines_no_values_of_msgspec(module: str) -> None:
    """mypyc would make their classes without what stands beside the base: they could be changed."""
    assert "(Struct" not in (ROOT / module).read_text()
