from hypothesis import given
from hypothesis import strategies as st

from detector.incident.strike import WINDOW, Strike, proposes_termination


def strikes(*times: float) -> list[Strike]:
    return [Strike("ann", f"incident {number}", at) for number, at in enumerate(times)]


def test_three_strikes_within_a_year_propose_the_termination() -> None:
    assert proposes_termination(strikes(0.0, 1.0, WINDOW - 1.0), now=WINDOW - 1.0)
    assert not proposes_termination(strikes(0.0, 1.0), now=2.0)
    assert not proposes_termination([], now=2.0)


def test_a_strike_is_outlived_after_the_window() -> None:
    assert proposes_termination(strikes(0.0, 1.0, 2.0), now=WINDOW - 0.5)
    assert not proposes_termination(strikes(0.0, 1.0, 2.0), now=WINDOW)


def test_an_incident_counts_once() -> None:
    assert not proposes_termination(strikes(1.0) * 3, now=2.0)


def test_a_strike_of_the_future_does_not_count() -> None:
    assert not proposes_termination(strikes(1.0, 2.0, 4.0), now=3.0)


@given(st.lists(st.floats(0, 1000)), st.floats(0, 1000), st.integers(1, 5))
def test_another_strike_never_withdraws_the_proposal(times: list[float], at: float, limit: int) -> None:
    before = proposes_termination(strikes(*times), now=1000.0, limit=limit)
    assert proposes_termination(strikes(*times, at), now=1000.0, limit=limit) >= before
