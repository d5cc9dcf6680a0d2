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
])  # fmt: skip
def test_disguises_are_seen_through(text: str, read: str) -> None:
    assert folded(text) == read


@pytest.mark.parametrize("text", ["Привет, как дела", "καλημερα", "日本語", "안녕하세요", "שלום"])
def test_other_scripts_stay_what_they_are(text: str) -> None:
    assert folded(text) == text


@given(st.text())
def test_any_text_is_folded(text: str) -> None:
    folded(text)
