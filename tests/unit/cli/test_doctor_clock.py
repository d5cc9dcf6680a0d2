"""Whether the clock of the host can be believed."""

import pytest

from detector.cli import doctor_clock
from detector.cli.doctor_clock import LATE, RELEASED, UNSYNCHRONISED, examine_clock, kernel_state
from detector.cli.finding import Level

NOW = RELEASED + 1e7


@pytest.fixture(autouse=True)
def in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_clock, "_adjtimex", lambda: 0)


@pytest.mark.parametrize(
    ("now", "newest", "levels"),
    [
        (NOW, None, []),
        (NOW, NOW + LATE, []),
        (NOW, NOW + LATE + 1.0, [Level.PROBLEM]),
        (RELEASED - 1.0, None, [Level.PROBLEM]),
        (0.0, NOW, [Level.PROBLEM]),
    ],
)
def test_a_clock_of_before_or_that_was_set_back_is_a_problem(
    now: float, newest: float | None, levels: list[Level]
) -> None:
    assert [one.level for one in examine_clock(now, newest).findings] == levels


def test_a_clock_that_nobody_corrects_is_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_clock, "_adjtimex", lambda: UNSYNCHRONISED)
    part = examine_clock(NOW, None)
    assert part.facts["synchronised"] is False
    assert [one.level for one in part.findings] == [Level.HINT]


def test_a_system_that_cannot_tell_is_believed() -> None:
    def no_such_call() -> int:
        raise AttributeError

    assert kernel_state(no_such_call) == 0


def test_the_kernel_is_asked_and_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert -1 <= kernel_state() <= UNSYNCHRONISED  # -1: a container may not ask
