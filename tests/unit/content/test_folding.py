"""Letters that look alike are one letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.folding import folded


@pytest.mark.parametrize(("text", "read"), [
    ("plain", "plain"),
    ("\uff26\uff32\uff25\uff25", "FREE"),  # full width
    ("\U0001d402lick", "Click"),  # mathematical bold
    ("p\u0430yp\u0430l", "paypal"),  # Cyrillic a
    ("\u0391pple \u03bfffer", "Apple offer"),  # Greek
    ("c\u200bl\u200di\u2060c\u00adk", "click"),  # invisible
    ("v\u0336i\u0336a\u0336", "via"),  # struck through
    ("café", "cafe"),
    ("ﬁnance", "finance"),
    ("\u201cit\u2019s\u201d \u2013 here\u2026", '"it\'s" - here...'),
    ("10\u00a0\u20ac \u2022 \u2713\ufe0f", "10 \u20ac \u2022 \u2713"),
])  # fmt: skip
def test_disguises_are_seen_through(text: str, read: str) -> None:
    assert folded(text) == read


@pytest.mark.parametrize("text", ["Привет, как дела", "καλημερα", "日本語", "안녕하세요", "שלום"])
def test_other_scripts_stay_what_they_are(text: str) -> None:
    assert folded(text) == text


@given(
    st.text(),
    st.text(alphabet="ab \u00e9\u0301\ufb01\u2026\u2022\u20ac\u200b\u0142\u00df\u65e5\u0430\u03b1\u1161\u0e33"),
)
def test_a_few_letters_in_a_long_text_are_folded_as_in_a_short_one(one: str, other: str) -> None:
    for text in (one, other):
        assert folded(f"{text}{500 * ' '}").rstrip() == folded(text).rstrip()
