import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from detector.records.columns import Json, escape, unescape
from detector.verdict.verdict import Action, Evidence, Group, GroupScore, Verdict

# hypothesis leaves surrogates out unless it is asked for them
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]))


@given(ANY_TEXT)
def test_any_text_is_read_back_equal_and_can_be_stored(text: str) -> None:
    escaped = escape(text)
    assert unescape(escaped) == text
    assert "\x00" not in escaped.encode("utf-8").decode("utf-8")


@given(ANY_TEXT, ANY_TEXT)
def test_two_texts_are_never_stored_as_one(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@pytest.mark.parametrize("nats", [0.0, -1.5, 1e-300, math.inf, -math.inf, 12])
def test_a_verdict_is_read_back_equal(nats: float) -> None:
    evidence = (Evidence(Group.BULK, "recipients\udc80", 3.0, 1, nats),)
    verdict = Verdict(Action.BLOCK, nats, (GroupScore(Group.BULK, nats, evidence),), "policy-1", "model-1")
    column = Json(Verdict)
    dialect = create_engine("sqlite://").dialect
    assert column.process_result_value(column.process_bind_param(verdict, dialect), dialect) == verdict
