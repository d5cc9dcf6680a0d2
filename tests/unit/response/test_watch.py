from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from detector.config import Escalation, Response
from detector.incident.incident import Event, State
from detector.response.watch import AT_ONCE, DECISIONS_EVERY, Watch, reminders
from tests.support.response import NOW, Scene, incident


class Begun:
    """Stands for what runs workflows: notes what it is asked to begin."""

    def __init__(self) -> None:
        self.workflows: list[str] = []
        self.announced: list[tuple[str, Mapping[str, object]]] = []
        self._keys: set[str] = set()

    def enqueue(self, queue: str, workflow: str, workflow_id: str, *arguments: object) -> None:
        assert workflow_id not in self.workflows
        self.workflows.append(workflow_id)

    def announce(self, kind: str, words: Mapping[str, object], key: str) -> None:
        if key not in self._keys:
            self._keys.add(key)
            self.announced.append((kind, words))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    times = Escalation(after=(100.0, 300.0), pending_after=(10.0,))
    scene = Scene(tmp_path, Response(escalation=times, password_changes_per_hour=2, breaker_resumes=False))
    yield scene
    scene.records.close()


def watch(scene: Scene) -> tuple[Watch, Begun]:
    begun = Begun()
    return Watch(scene.tools, begun, begun.announce), begun  # type: ignore[arg-type]


def look_at(scene: Scene, time: float, settings: Response | None = None) -> Begun:
    """What a process that has just started begins at that time."""
    scene.clock = lambda: time
    scene.settings = settings or scene.settings
    watching, begun = watch(scene)
    watching.look()
    watching.look()
    return begun


def contained(scene: Scene, incident_id: str = "i-1") -> None:
    scene.records.open_incident(incident(incident_id, incident_id))
    scene.records.errand_done(1)
    scene.records.apply(incident_id, Event.STEPS_DONE, NOW, "detector")


def stopped(scene: Scene, incident_id: str, trusted: bool = True) -> None:
    scene.records.open_incident(incident(incident_id, incident_id, trusted))
    for errand in scene.records.errands(100):
        scene.records.errand_done(errand.number)
    scene.records.apply(incident_id, Event.APPROVAL_NEEDED, NOW, "detector", "reason")


def test_an_errand_is_begun_once(scene: Scene) -> None:
    scene.records.open_incident(incident())
    assert look_at(scene, NOW).workflows == ["i-1.open.1.0"]


def test_a_campaign_is_begun_bit_by_bit_the_oldest_first(scene: Scene) -> None:
    for number in range(AT_ONCE + 3):
        scene.records.open_incident(incident(f"i-{number}", f"a{number}"))
    watching, begun = watch(scene)
    watching.look()
    assert begun.workflows == [f"i-{number}.open.{number + 1}.0" for number in range(AT_ONCE)]
    watching.look()
    assert len(begun.workflows) == AT_ONCE + 3


def test_the_next_errand_of_an_incident_waits_for_the_one_before(scene: Scene) -> None:
    scene.records.open_incident(incident())
    scene.records.apply("i-1", Event.DISMISS, NOW, "eve")
    watching, begun = watch(scene)
    watching.look()
    assert begun.workflows == ["i-1.open.1.0"]
    scene.records.errand_done(1)
    watching.look()
    assert begun.workflows[1:] == ["i-1.dismiss.2.0"]


def test_what_a_freeze_has_stopped_goes_on_when_it_is_over(scene: Scene) -> None:
    scene.records.open_incident(incident())
    scene.records.freeze(NOW, NOW + 50.0, "eve", "new database")
    frozen = look_at(scene, NOW)
    assert frozen.workflows == ["i-1.open.1.0"]  # operators are told of it; then it stops
    assert frozen.announced == [
        ("response.frozen", {"actor": "eve", "reason": "new database", "until": NOW + 50.0}),
    ]
    assert scene.count("detector_response_frozen") == 1
    scene.records.put_off(1, 0)
    assert look_at(scene, NOW + 49.0).workflows == []
    assert look_at(scene, NOW + 50.0).workflows == ["i-1.open.1.1"]
    assert scene.count("detector_response_frozen") == 0


def test_the_end_of_a_freeze_is_told(scene: Scene) -> None:
    scene.records.freeze(NOW, NOW + 50.0, "eve", "new database")
    watching, begun = watch(scene)
    watching.look()
    scene.records.unfreeze(NOW + 1.0, "eve")
    watching.look()
    assert [kind for kind, _ in begun.announced] == ["response.frozen", "response.unfrozen"]


@pytest.mark.parametrize(
    ("waited", "begun"), [(99.0, []), (100.0, [1]), (299.0, [1]), (300.0, [2]), (599.0, [2]), (600.0, [3])]
)
def test_operators_are_told_again_while_nobody_decides(scene: Scene, waited: float, begun: list[int]) -> None:
    contained(scene)
    ids = [f"i-1.contained.{NOW:.0f}.{count}" for count in begun]
    assert look_at(scene, NOW + waited).workflows == ids


def test_who_must_be_approved_is_told_sooner(scene: Scene) -> None:
    stopped(scene, "i-1", trusted=False)
    assert look_at(scene, NOW + 10.0).workflows == [f"i-1.pending.{NOW:.0f}.1"]


def test_nobody_is_told_again_once_somebody_decided(scene: Scene) -> None:
    contained(scene)
    scene.records.apply("i-1", Event.CONFIRM, NOW, "eve")
    for errand in scene.records.errands(100):
        scene.records.errand_done(errand.number)
    assert look_at(scene, NOW + 1e6).workflows == []


def test_all_that_wait_for_the_breaker_are_told_together(scene: Scene) -> None:
    for name in ("i-1", "i-2", "i-3"):
        stopped(scene, name)
    scene.records.open_breaker(NOW, "2 passwords were changed within an hour")
    words = {"reason": "2 passwords were changed within an hour", "waiting": 3}
    assert look_at(scene, NOW + 9.0).announced == [("breaker.open", {**words, "count": 0})]
    later = look_at(scene, NOW + 10.0)
    assert later.announced == [("breaker.waiting", {**words, "count": 1})]
    assert later.workflows == []
    assert scene.count("detector_password_breaker_open") == 1


def test_the_breaker_closes_when_nobody_waits_for_it(scene: Scene) -> None:
    stopped(scene, "i-1")
    scene.records.open_breaker(NOW, "reason")
    scene.records.apply("i-1", Event.DISMISS, NOW, "eve")
    look_at(scene, NOW)
    assert scene.records.breaker() is None
    assert scene.count("detector_password_breaker_open") == 0


@pytest.mark.parametrize("resumes", [False, True])
def test_the_breaker_lets_go_on_as_many_as_the_hour_has_room_for(scene: Scene, resumes: bool) -> None:
    settings = Response(password_changes_per_hour=2, breaker_resumes=resumes)
    for name in ("i-1", "i-2", "i-3"):
        stopped(scene, name)
    scene.records.claim_password_change("i-1", NOW, 1)
    scene.records.open_breaker(NOW, "reason")
    look_at(scene, NOW + 3599.0, settings)
    states = [scene.records.incident(name).state for name in ("i-1", "i-2", "i-3")]
    assert states.count(State.OPEN) == (1 if resumes else 0)


def test_unresolved_incidents_are_counted_by_state(scene: Scene) -> None:
    contained(scene)
    scene.records.open_incident(incident("i-2", "bob"))
    look_at(scene, NOW)
    assert scene.count("detector_incidents", state="contained") == 1
    assert scene.count("detector_incidents", state="open") == 1
    assert scene.count("detector_incidents", state="pending") == 0


def test_without_times_nobody_is_told_again() -> None:
    assert reminders(1e9, ()) == 0


def test_the_metrics_tell_how_long_the_oldest_waits_in_each_state(scene: Scene) -> None:
    contained(scene, "i-1")
    contained(scene, "i-2")
    stopped(scene, "i-3")
    look_at(scene, NOW + 40.0)
    assert scene.count("detector_incident_oldest_seconds", state="contained") == 40
    assert scene.count("detector_incident_oldest_seconds", state="pending") == 40
    assert scene.count("detector_incident_oldest_seconds", state="open") == 0
    assert scene.count("detector_incidents", state="contained") == 2


def test_what_people_decided_is_counted_now_and_then(scene: Scene) -> None:
    contained(scene, "i-1")
    now = NOW
    scene.clock = lambda: now
    watching, _ = watch(scene)
    watching.look()
    scene.records.apply("i-1", Event.DISMISS, NOW + 1.0, "eve")
    watching.look()
    assert scene.count("detector_incidents_decided", decision="dismissed") == 0
    now += DECISIONS_EVERY
    watching.look()
    assert scene.count("detector_incidents_decided", decision="dismissed") == 1
    assert scene.count("detector_incidents_decided", decision="confirmed") == 0
