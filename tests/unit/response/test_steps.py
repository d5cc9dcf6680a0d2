from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.incident.incident import Event, State
from detector.records.records import TimelineEntry
from detector.response.hooks import Done
from detector.response.patience import Patience
from detector.response.steps import Permission, Result, Steps, finished_steps
from tests.support.response import NOW, Scene, incident


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    scene.records.open_incident(incident())
    yield scene
    scene.records.close()


def steps(scene: Scene) -> Steps:
    return Steps(scene.tools, Patience(scene.settings.retry))


def test_a_step_that_the_timeline_tells_as_done_is_not_done_twice(scene: Scene) -> None:
    for _ in range(2):  # the second time as after a crash: the workflow has not heard of the first
        assert steps(scene).change_password("i-1") is Result.DONE
        assert steps(scene).notify_customer("i-1") is Result.DONE
    assert len(scene.passwords.asked) == 1
    assert len(scene.letters.sent) == 1


def test_permission_for_the_same_incident_counts_once(scene: Scene) -> None:
    for _ in range(3):
        assert steps(scene).ask_permission("i-1") is Permission.GO
    assert scene.records.password_changes_since(0.0) == 1


def test_a_person_who_confirmed_is_permission_enough(scene: Scene) -> None:
    scene.records.open_incident(incident("i-2", "bob", trusted=False))
    scene.records.apply("i-2", Event.CONFIRM, NOW, "eve", "")
    assert steps(scene).ask_permission("i-2") is Permission.GO


def test_asking_twice_after_a_crash_asks_once(scene: Scene) -> None:
    scene.records.open_incident(incident("i-2", "bob", trusted=False))
    for _ in range(2):
        assert steps(scene).ask_permission("i-2") is Permission.ASK
    assert scene.told("i-2").count("approval_needed") == 1


def test_a_dismissed_incident_is_over(scene: Scene) -> None:
    scene.records.apply("i-1", Event.DISMISS, NOW, "eve", "")
    assert steps(scene).ask_permission("i-1") is Permission.OVER
    assert steps(scene).change_password("i-1") is Result.SKIPPED
    assert scene.passwords.asked == []


def test_a_release_in_the_meantime_keeps_no_old_password(scene: Scene) -> None:
    for event in (Event.CONFIRM, Event.RELEASE):
        scene.records.apply("i-1", event, NOW, "eve", "")
    assert steps(scene).ask_permission("i-1") is Permission.GO
    assert steps(scene).change_password("i-1") is Result.DONE
    assert steps(scene).end_sessions("i-1") is Result.DONE
    assert steps(scene).notify_customer("i-1") is Result.DONE


def test_a_confirmed_incident_that_is_dismissed_is_over(scene: Scene) -> None:
    for event in (Event.CONFIRM, Event.DISMISS):
        scene.records.apply("i-1", event, NOW, "eve", "")
    assert steps(scene).change_password("i-1") is Result.SKIPPED


def test_finishing_twice_is_harmless(scene: Scene) -> None:
    assert steps(scene).advance("i-1", Event.STEPS_DONE)
    assert not steps(scene).advance("i-1", Event.STEPS_DONE)
    assert scene.records.incident("i-1").state is State.CONTAINED


def test_only_ends_of_steps_are_told_as_done() -> None:
    timeline = [
        TimelineEntry(NOW, "detector", "opened", ""),
        TimelineEntry(NOW, "detector", "change_password: retried", "away"),
        TimelineEntry(NOW, "detector", "change_password: failed", "away"),
        TimelineEntry(NOW, "eve", "comment: done", ""),
        TimelineEntry(NOW, "detector", "end_sessions: skipped", "none"),
    ]
    assert finished_steps(timeline) == [
        Done("change_password", "failed", "away"),
        Done("end_sessions", "skipped", "none"),
    ]
