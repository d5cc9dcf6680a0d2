from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detector.config import Retry
from detector.response.grouping import Groups, Turn
from detector.response.hooks import Target
from detector.response.patience import Patience, Stopping
from tests.support.response import NOW, Ear, Scene, incident

TARGET = Target(Ear("desk"), "account", 60.0)


class Waiting(Patience):
    """Does something in place of waiting."""

    def __init__(self) -> None:
        super().__init__(Retry(attempts=1, first_wait=0.01))
        self.meanwhile: Callable[[], None] = lambda: None
        self.waited: list[float] = []

    def pause(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.meanwhile()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path, clock=Clock())
    yield scene
    scene.records.close()


def open_incidents(scene: Scene, *numbers: int) -> None:
    for number in numbers:
        scene.records.open_incident(incident(f"i-{number}", f"user{number}@example.org"))


def ids(turn: Turn | None) -> list[str]:
    return [] if turn is None else [one.incident.incident_id for one in turn.happened]


def begun(scene: Scene, patience: Patience) -> Groups:
    """One that has told of incident 0 just now."""
    open_incidents(scene, 0)
    groups = Groups(scene.tools, patience)
    turn = groups.turn(TARGET, "i-0", NOW)
    assert turn is not None
    assert not turn.happened
    groups.told(TARGET, "i-0", turn)
    return groups


def test_a_burst_is_one_summary(scene: Scene) -> None:
    patience = Waiting()
    groups = begun(scene, patience)
    open_incidents(scene, 1)

    def more() -> None:
        open_incidents(scene, 2, 3)
        assert groups.turn(TARGET, "i-2", NOW) is None
        assert groups.turn(TARGET, "i-3", NOW) is None

    patience.meanwhile = more
    turn = groups.turn(TARGET, "i-1", NOW)
    assert patience.waited == [60.0]
    assert ids(turn) == ["i-1", "i-2", "i-3"]
    assert turn is not None
    groups.told(TARGET, "i-1", turn)
    assert groups.turn(TARGET, "i-3", NOW) is None


def test_one_that_stays_alone_is_told_by_itself(scene: Scene) -> None:
    patience = Waiting()
    groups = begun(scene, patience)
    open_incidents(scene, 1)
    turn = groups.turn(TARGET, "i-1", NOW)
    assert turn is not None
    assert not turn.happened


def test_steps_of_others_make_no_burst(scene: Scene) -> None:
    patience = Waiting()
    groups = begun(scene, patience)
    open_incidents(scene, 1)
    patience.meanwhile = lambda: scene.records.record_step("i-0", "change_password", "done", NOW)
    assert ids(groups.turn(TARGET, "i-1", NOW)) == []


def test_what_a_process_that_died_had_gathered_is_told_by_the_next_one(scene: Scene) -> None:
    open_incidents(scene, 1, 2, 3)
    after = Groups(scene.tools, Waiting())
    assert ids(after.turn(TARGET, "i-1", NOW)) == ["i-1", "i-2", "i-3"]


def test_one_that_waited_for_a_hook_and_died_is_told_by_the_next_process_whatever_comes_first(scene: Scene) -> None:
    clock = scene.clock
    assert isinstance(clock, Clock)
    open_incidents(scene, 1, 2)
    clock.now = NOW + 1800.0
    scene.records.record_step("i-1", "change_password", "failed", clock.now)
    patience = Waiting()
    after = Groups(scene.tools, patience)
    first = after.turn(TARGET, "i-1", clock.now)
    assert first is not None
    assert ids(first) == []
    after.told(TARGET, "i-1", first)
    assert after.turn(TARGET, "i-2", NOW) == Turn(scene.records.last_entry("i-2", NOW))
    assert patience.waited == [60.0]


def test_what_is_long_over_is_not_told_again_by_the_next_process(scene: Scene) -> None:
    open_incidents(scene, 1)
    clock = scene.clock
    assert isinstance(clock, Clock)
    clock.now = NOW + 3600.0
    scene.records.record_step("i-1", "change_password", "failed", clock.now)
    assert ids(Groups(scene.tools, Waiting()).turn(TARGET, "i-1", clock.now)) == []


def test_a_hook_that_does_not_gather_is_told_everything(scene: Scene) -> None:
    groups = Groups(scene.tools, Waiting())
    open_incidents(scene, 1, 2)
    each = Target(Ear("tickets"), "account")
    for incident_id in ("i-1", "i-2", "i-1"):
        turn = groups.turn(each, incident_id, NOW)
        assert turn == Turn(0)
        groups.told(each, incident_id, Turn(0))


def test_each_hook_gathers_for_itself(scene: Scene) -> None:
    patience = Waiting()
    groups = begun(scene, patience)
    open_incidents(scene, 1)
    assert ids(groups.turn(Target(Ear("chat"), "account", 60.0), "i-1", NOW)) == ["i-0", "i-1"]
    assert patience.waited == []
    assert ids(groups.turn(TARGET, "i-1", NOW)) == []
    assert patience.waited == [60.0]


def test_the_end_of_the_process_ends_the_wait(scene: Scene) -> None:
    patience = Patience(Retry(attempts=1, first_wait=0.01))
    groups = begun(scene, patience)
    open_incidents(scene, 1)
    patience.end()
    with pytest.raises(Stopping):
        groups.turn(TARGET, "i-1", NOW)
