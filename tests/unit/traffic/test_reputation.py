"""Shares over weeks: counted slowly, and not told of too little."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.reputation import HALF_LIFE, LEAST_SENT, Reputation

counts = st.floats(min_value=0.0, max_value=1e6)
times = st.floats(min_value=0.0, max_value=4e9)


def test_half_is_forgotten_in_four_weeks_and_shares_stay() -> None:
    before = Reputation().add(1e9, sent=1000, bounced=30, complained=2)
    after = before.at(1e9 + HALF_LIFE)
    assert (after.sent, after.bounced, after.complained) == pytest.approx((500.0, 15.0, 1.0))
    assert after.bounce_share == pytest.approx(before.bounce_share)


def test_of_too_little_mail_no_share_is_told() -> None:
    few = Reputation().add(1e9, sent=LEAST_SENT - 1, bounced=50, complained=9)
    assert few.bounce_share is None
    assert few.complaint_share is None
    assert few.add(1e9, sent=1).bounce_share == 0.5


@given(st.lists(st.tuples(times, counts, counts, counts), max_size=8))
def test_a_share_is_a_share_whatever_happens(history: list[tuple[float, float, float, float]]) -> None:
    reputation = Reputation()
    for now, sent, bounced, complained in history:
        reputation = reputation.add(now, sent, bounced, complained)
    for share in (reputation.bounce_share, reputation.complaint_share):
        assert share is None or 0.0 <= share <= 1.0
