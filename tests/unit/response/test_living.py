from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from detector.response.living import BEAT_EVERY, MISSED_BEATS, Living
from tests.support.response import NOW, Scene


class Work:
    """Stands for the workflows: who has begun some, and whose were taken over."""

    def __init__(self) -> None:
        self.begun_by: set[str] = set()
        self.taken: list[list[str]] = []

    def at_work(self) -> set[str]:
        return self.begun_by

    def take_over(self, executor_ids: Collection[str]) -> None:
        self.taken.append(sorted(executor_ids))
        self.begun_by -= set(executor_ids)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.records.close()


def living(scene: Scene, work: Work, name: str) -> Living:
    process = Living(scene.records, work, name)  # type: ignore[arg-type]
    process.beat()
    return process


def test_the_work_of_a_silent_process_is_taken_over_once(scene: Scene) -> None:
    work = Work()
    living(scene, work, "dead")
    alive = living(scene, work, "alive")
    work.begun_by = {"dead", "alive"}
    for _ in range(MISSED_BEATS):
        alive.look(NOW)
        assert work.taken == []
    for _ in range(MISSED_BEATS):
        alive.look(NOW)
    assert work.taken == [["dead"]]
    assert alive.names() == {"alive"}


def test_a_process_that_beats_is_left_alone(scene: Scene) -> None:
    work = Work()
    one, two = living(scene, work, "one"), living(scene, work, "two")
    for _ in range(3 * MISSED_BEATS):
        one.look(NOW)
        two.look(NOW)
    assert work.taken == []


def test_who_says_goodbye_is_not_waited_for(scene: Scene) -> None:
    work = Work()
    stopped, alive = living(scene, work, "stopped"), living(scene, work, "alive")
    work.begun_by = {"stopped"}
    stopped.end()
    alive.look(NOW)
    assert work.taken == [["stopped"]]


def test_nobody_takes_over_from_oneself(scene: Scene) -> None:
    work = Work()
    alone = living(scene, work, "alone")
    work.begun_by = {"alone"}
    scene.records.bury("alone")  # somebody took us for dead
    alone.look(NOW)
    assert work.taken == []


def test_a_beat_is_due_from_time_to_time_whatever_the_clock_does(scene: Scene) -> None:
    process = living(scene, Work(), "one")
    process.look(NOW)
    assert not process.is_due(NOW + BEAT_EVERY / 2)
    assert process.is_due(NOW + BEAT_EVERY)
    assert process.is_due(NOW - 3600.0)
