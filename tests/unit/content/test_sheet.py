"""What is written on a sheet has one blank where there were many, and lines where something is set apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content import sheet
from detector.content.sheet import LINE, Sheet
from tests.support.interpreted import interpreted

PIECES = st.lists(
    st.tuples(
        st.text("ab &#1;0x\t\r\n\x0b\x1c\x85\xa0\u2003\0ж漢\U0001d400")
        | st.sampled_from(["&amp;", "&nbsp;", "&#160;", "&#10;", "&am", "p;", "&NewLine;", "&lt", "&#0;"]),
        st.sampled_from(["", " ", LINE]),
    ),
    max_size=12,
)


WRITTEN = interpreted(sheet)


def text_of(made: Sheet, pieces: list[tuple[str, str]]) -> str:
    for text, between in pieces:
        made.write(text)
        if between:
            made.apart(between)
    return made.text()


@pytest.mark.parametrize(("pieces", "text"), [
    ([("  one \n two ", "")], "one two"),
    ([("one", LINE), (" ", LINE), ("two", LINE)], "one\ntwo"),
    ([("one", ""), ("two", " "), ("three", "")], "onetwo three"),
    ([("a&nbsp;&nbsp;b &lt;", ""), ("i> &#8364;", "")], "a b <i> €"),
    ([("a\0b", "")], "a\nb"),
    ([("one&#10;two", "")], "one two"),
    ([(" ", LINE)], ""),
])  # fmt: skip
def test_layout(pieces: list[tuple[str, str]], text: str) -> None:
    assert text_of(Sheet(), pieces) == text
    assert text_of(WRITTEN.Sheet(), pieces) == text


@pytest.mark.skipif(not sheet.COMPILED, reason="NOT COMPILED: install a C compiler and run make")
@given(PIECES)
def test_machine_code_lays_out_as_its_source_does(pieces: list[tuple[str, str]]) -> None:
    assert not WRITTEN.COMPILED
    assert text_of(Sheet(), pieces) == text_of(WRITTEN.Sheet(), pieces)
