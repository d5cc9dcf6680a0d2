from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.config import DryRun, Response
from detector.incident.incident import Event, State
from detector.records.entries import Termination
from detector.response.patience import Patience
from detector.response.permission import Permission, Permissions
from tests.support.response import NOW, Scene, incident


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    scene.records.open_incident(incident())
    yield scene
    scene.records.close()


def permissions(scene: Scene) -> Permissions:
    return Permissions(scene.tools, Patience(scene.settings.retry))


def test_permission_for_the_same_incident_counts_once(scene: Scene) -> None:
    for _ in range(3):
        assert permissions(scene).ask("i-1") is Permission.GO
    assert scene.records.password_changes_since(0.0) == 1


def test_a_person_who_confirmed_is_permission_enough(scene: Scene) -> None:
    scene.records.open_incident(incident("i-2", "bob", trusted=False))
    scene.records.apply("i-2", Event.CONFIRM, NOW, "eve", "")
    assert permissions(scene).ask("i-2") is Permission.GO


def test_asking_twice_after_a_crash_asks_once(scene: Scene) -> None:
    scene.records.open_incident(incident("i-2", "bob", trusted=False))
    for _ in range(2):
        assert permissions(scene).ask("i-2") is Permission.ASK
    assert scene.told("i-2").count("approval_needed") == 1


def test_what_a_person_approved_goes_on_whatever_the_breaker_says(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Response(password_changes_per_hour=1))
    for name in ("i-1", "i-2"):
        scene.records.open_incident(incident(name, name))
    assert permissions(scene).ask("i-1") is Permission.GO
    assert permissions(scene).ask("i-2") is Permission.BREAKER
    scene.records.apply("i-2", Event.APPROVE, NOW, "eve", "")
    assert permissions(scene).ask("i-2") is Permission.GO
    scene.records.close()


def test_what_the_program_approves_must_pass_the_breaker_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Response(password_changes_per_hour=1))
    for name in ("i-1", "i-2"):
        scene.records.open_incident(incident(name, name))
        permissions(scene).ask(name)
    assert scene.records.approve_waiting(NOW + 1.0, "detector") == ["i-2"]
    assert permissions(scene).ask("i-2") is Permission.BREAKER
    scene.clock = lambda: NOW + 3601.0
    scene.records.approve_waiting(NOW + 3601.0, "detector")
    assert permissions(scene).ask("i-2") is Permission.GO
    scene.records.close()


def test_a_dry_run_takes_no_place_of_the_hour(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Response(dry_run=DryRun(steps=frozenset({"change_password"}))))
    scene.records.open_incident(incident())
    assert permissions(scene).ask("i-1") is Permission.GO
    assert scene.records.password_changes_since(0.0) == 0
    scene.records.close()


def test_a_dismissed_incident_is_over(scene: Scene) -> None:
    scene.records.apply("i-1", Event.DISMISS, NOW, "eve", "")
    assert permissions(scene).ask("i-1") is Permission.OVER
    assert permissions(scene).closed("i-1")


def test_who_was_confirmed_and_released_still_gets_a_new_password(scene: Scene) -> None:
    for event in (Event.CONFIRM, Event.RELEASE):
        scene.records.apply("i-1", event, NOW, "eve", "")
    assert permissions(scene).ask("i-1") is Permission.GO


def test_finishing_twice_is_harmless(scene: Scene) -> None:
    assert permissions(scene).advance("i-1", Event.STEPS_DONE)
    assert not permissions(scene).advance("i-1", Event.STEPS_DONE)
    assert scene.records.incident("i-1").state is State.CONTAINED


def test_the_breaker_opens_once(scene: Scene) -> None:
    for _ in range(2):
        permissions(scene).open_breaker()
    breaker = scene.records.breaker()
    assert breaker is not None
    assert breaker.reason == "20 passwords were changed within an hour"


def test_so_many_strikes_propose_to_end_the_service_until_a_person_has_decided(scene: Scene) -> None:
    for number in range(3):
        name = f"s-{number}"
        scene.records.open_incident(incident(name, "bob"))
        assert not permissions(scene).proposes_termination(name)
        scene.records.apply(name, Event.CONFIRM, NOW - 10.0, "eve", "")
        if number < 2:
            scene.records.apply(name, Event.RELEASE, NOW - 5.0, "eve", "")
    assert permissions(scene).proposes_termination("s-2")
    scene.records.decide_termination(Termination("bob", NOW, "eve", ended=False, reason="new computer"))
    assert not permissions(scene).proposes_termination("s-2")
