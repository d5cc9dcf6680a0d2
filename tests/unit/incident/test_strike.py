from hypothesis import given
from hypothesis import strategies as st

from detector.incident.strike import Strike, StrikeRule

RULE = StrikeRule()
YEAR = RULE.fade_after


def strikes(*times: float) -> list[Strike]:
    return [Strike("ann", f"incident {number}", at) for number, at in enumerate(times)]


def test_three_strikes_within_a_year_propose_the_termination() -> None:
    assert RULE.proposes_termination(strikes(0.0, 1.0, YEAR - 1.0), now=YEAR - 1.0)
    assert not RULE.proposes_termination(strikes(0.0, 1.0), now=2.0)
    assert not RULE.proposes_termination([], now=2.0)


def test_a_strike_fades() -> None:
    assert RULE.proposes_termination(strikes(0.0, 1.0, 2.0), now=YEAR - 0.5)
    assert not RULE.proposes_termination(strikes(0.0, 1.0, 2.0), now=YEAR)
    assert [strike.at for strike in RULE.counting(strikes(0.0, 1.0, 2.0), now=YEAR)] == [1.0, 2.0]


def test_an_incident_counts_once() -> None:
    assert not RULE.proposes_termination(strikes(1.0) * 3, now=2.0)


def test_a_strike_of_the_future_does_not_count() -> None:
    assert not RULE.proposes_termination(strikes(1.0, 2.0, 4.0), now=3.0)


def test_who_has_decided_is_asked_again_by_the_next_strike_only() -> None:
    assert not RULE.proposes_termination(strikes(1.0, 2.0, 3.0), now=5.0, decided_at=4.0)
    assert RULE.proposes_termination(strikes(1.0, 2.0, 3.0, 4.5), now=5.0, decided_at=4.0)


@given(st.lists(st.floats(0, 1000)), st.floats(0, 1000), st.integers(1, 5))
def test_another_strike_never_withdraws_the_proposal(times: list[float], at: float, limit: int) -> None:
    rule = StrikeRule(limit)
    before = rule.proposes_termination(strikes(*times), now=1000.0)
    assert rule.proposes_termination(strikes(*times, at), now=1000.0) >= before
