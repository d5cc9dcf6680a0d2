from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from detector.incident.incident import Event
from detector.ports import Refused, Temporary
from detector.response.hooks import Target
from detector.response.operators import NEEDS_CONFIRMATION, OPENED, STEP_FAILED, Operators
from detector.response.patience import Patience
from detector.response.summary import SUMMARY
from tests.support.response import NOW, Ear, Scene, incident


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    scene.records.open_incident(incident())
    yield scene
    scene.records.close()


def operators(scene: Scene) -> Operators:
    return Operators(scene.tools, Patience(scene.settings.retry))


def test_a_hook_is_told_with_a_key_of_its_own(scene: Scene) -> None:
    assert operators(scene).deliver("desk", "i-1", OPENED, "", NOW)
    event, request_id = scene.ears[0].heard[0]
    assert (event["event"], event["account"], request_id) == (OPENED, "ann@example.org", "i-1.incident.opened")


def test_two_failed_steps_are_two_events(scene: Scene) -> None:
    for step in ("change_password", "end_sessions"):
        operators(scene).deliver("desk", "i-1", STEP_FAILED, step, NOW)
    assert [(event["step"], request_id) for event, request_id in scene.ears[0].heard] == [
        ("change_password", "i-1.incident.step_failed.change_password"),
        ("end_sessions", "i-1.incident.step_failed.end_sessions"),
    ]


def test_each_hook_hears_what_it_may(scene: Scene) -> None:
    ear = Ear("web")
    scene.providers = lambda: replace(scene.all_providers(), hooks=(Target(ear, "none"),))
    operators(scene).deliver("web", "i-1", OPENED, "", NOW)
    assert "ann@example.org" not in repr(ear.heard)


def test_strikes_are_those_that_count(scene: Scene) -> None:
    scene.records.apply("i-1", Event.CONFIRM, NOW - scene.settings.strikes.fade_after - 1.0, "eve", "")
    assert operators(scene).deliver("desk", "i-1", OPENED, "", NOW)
    assert scene.ears[0].heard[0][0]["strikes"] == 0


def test_an_event_tells_why_a_person_is_asked(scene: Scene) -> None:
    assert operators(scene).deliver("desk", "i-1", OPENED, "", NOW)
    scene.records.apply("i-1", Event.APPROVAL_NEEDED, NOW, "detector", "20 passwords were changed within an hour")
    assert operators(scene).deliver("desk", "i-1", NEEDS_CONFIRMATION, "", NOW)
    opened, asked = (event for event, _ in scene.ears[0].heard)
    assert "reason" not in opened
    assert asked["reason"] == "20 passwords were changed within an hour"


def test_a_failing_hook_is_tried_again_and_counted(scene: Scene) -> None:
    scene.ears[0].failures = [Temporary("busy"), Temporary("busy")]
    assert operators(scene).deliver("desk", "i-1", OPENED, "", NOW)
    assert scene.count("detector_hook_deliveries_total", result="retried") == 2
    assert scene.count("detector_hook_deliveries_total", result="done") == 1


def test_a_refusing_hook_is_given_up_and_counted(scene: Scene) -> None:
    scene.ears[0].for_ever = Refused("404")
    assert not operators(scene).deliver("desk", "i-1", OPENED, "", NOW)
    assert scene.count("detector_hook_deliveries_total", result="failed") == 1


def test_a_hook_that_is_gone_hears_nothing(scene: Scene) -> None:
    assert not operators(scene).deliver("gone", "i-1", OPENED, "", NOW)


def test_fifty_incidents_at_once_are_one_message_and_a_summary(scene: Scene) -> None:
    ear = Ear("desk")
    scene.providers = lambda: replace(scene.all_providers(), hooks=(Target(ear, "account", 0.2),))
    teller = operators(scene)
    assert teller.deliver("desk", "i-1", OPENED, "", NOW)
    for number in range(2, 51):
        scene.records.open_incident(incident(f"i-{number}", f"user{number}@example.org"))
    for number in range(2, 51):
        assert teller.deliver("desk", f"i-{number}", OPENED, "", NOW)
    assert ear.kinds == [OPENED, SUMMARY]
    summary, request_id = ear.heard[1]
    assert summary["title"] == "49 incidents since 22:13 UTC: 49 being contained"
    assert request_id == "incidents.summary.3-51"  # of the timeline's entries; the second says what the hook heard


def test_a_summary_that_nobody_hears_is_told_again_by_the_next_event(scene: Scene) -> None:
    ear = Ear("desk")
    scene.providers = lambda: replace(scene.all_providers(), hooks=(Target(ear, "account", 0.05),))
    teller = operators(scene)
    for number in (2, 3):
        scene.records.open_incident(incident(f"i-{number}", f"user{number}@example.org"))
    ear.failures = [Refused("404")]
    assert not teller.deliver("desk", "i-1", OPENED, "", NOW)
    assert teller.deliver("desk", "i-2", OPENED, "", NOW)
    assert [event["count"] for event, _ in ear.heard] == [2]


def test_who_looks_at_the_incident_sees_which_hooks_have_heard_of_it(scene: Scene) -> None:
    assert operators(scene).deliver("desk", "i-1", OPENED, "", NOW)
    last = scene.records.timeline("i-1")[-1]
    assert (last.event, last.detail) == ("notify_operators: done", "desk: incident.opened")
    assert all(entry.event != last.event for one in scene.records.happened_since(0) for entry in one.entries.values())
