from dataclasses import replace

from detector.incident.incident import State
from detector.records.records import TimelineEntry
from detector.response.hooks import Done
from detector.response.told import Result, finished_steps, is_dismissed, reason_to_ask, result_of, was_released
from tests.support.response import NOW, incident

TIMELINE = [
    TimelineEntry(NOW, "detector", "opened", ""),
    TimelineEntry(NOW, "detector", "approval_needed", "too many"),
    TimelineEntry(NOW, "detector", "change_password: retried", "away"),
    TimelineEntry(NOW, "detector", "change_password: failed", "away"),
    TimelineEntry(NOW, "eve", "comment: done", ""),
    TimelineEntry(NOW, "detector", "waiting: reminder 1", "nobody"),
    TimelineEntry(NOW, "detector", "end_sessions: skipped", "none"),
]


def test_only_ends_of_steps_are_told_as_done() -> None:
    assert finished_steps(TIMELINE) == [
        Done("change_password", "failed", "away"),
        Done("end_sessions", "skipped", "none"),
    ]


def test_a_step_that_is_under_way_has_no_result() -> None:
    assert result_of(TIMELINE[:3], "change_password") is None
    assert result_of(TIMELINE, "change_password") is Result.FAILED


def test_the_reason_to_ask_is_that_of_the_question() -> None:
    assert reason_to_ask(TIMELINE) == "too many"
    assert reason_to_ask(TIMELINE[:1]) == ""


def test_who_was_released_was_not_dismissed() -> None:
    closed = replace(incident(), state=State.CLOSED)
    for event in ("release", "self_release"):
        released = [*TIMELINE, TimelineEntry(NOW, "eve", event, "")]
        assert was_released(released)
        assert not is_dismissed(closed, released)
    assert is_dismissed(closed, TIMELINE)
    assert not is_dismissed(incident(), TIMELINE)
