"""The engine wakes for work and rests without; what was cut off is taken up when it wakes."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from dbos import DBOS

from detector.config import ConfigError
from detector.response.engine import CONTAINMENTS, LOCAL, REST_AFTER, Engine
from tests.support.ports import PATIENCE, wait_for


class Work:
    """A workflow of one step, which waits for its gate."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.done: list[str] = []
        self.gate = Event()
        self.gate.set()

    def workflow(self, name: str) -> str:
        assert self.engine is not None
        return self.engine.step("only", self._step, name)

    def _step(self, name: str) -> str:
        assert self.gate.wait(PATIENCE)
        self.done.append(name)
        return name


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.gate.set()


def engine(url: str, work: Work, executor_id: str = LOCAL) -> Engine:
    work.engine = Engine(url, executor_id)
    work.engine.start({"work": work.workflow})
    return work.engine


def is_awake(engine: Engine) -> bool:
    return engine._durable is not None


def rested(engine: Engine, now: float) -> bool:
    """Two looks later."""
    engine.rest(now)
    engine.rest(now + REST_AFTER)
    return not is_awake(engine)


def finished(workflow_id: str) -> bool:
    found = DBOS.get_workflow_status(workflow_id)
    return found is not None and found.status == "SUCCESS"


def test_it_wakes_for_work_and_rests_only_when_all_of_it_is_done(tmp_path: Path, work: Work) -> None:
    running = engine(f"sqlite:///{tmp_path / 'c.sqlite'}", work)
    assert not is_awake(running)
    work.gate.clear()
    running.enqueue(CONTAINMENTS, "work", "w-1", "a")
    assert not rested(running, 100.0)
    work.gate.set()
    wait_for(lambda: finished("w-1"), "it is done")
    running.rest(200.0)
    running.rest(201.0)  # too soon to tell
    assert is_awake(running)
    assert rested(running, 300.0)
    running.rest(400.0)
    running.enqueue(CONTAINMENTS, "work", "w-1", "a")
    running.enqueue(CONTAINMENTS, "work", "w-2", "b")
    wait_for(lambda: finished("w-2"), "it is awake again")
    running.stop()
    assert work.done == ["a", "b"]


def test_new_work_between_two_looks_keeps_it_awake(tmp_path: Path, work: Work) -> None:
    running = engine(f"sqlite:///{tmp_path / 'c.sqlite'}", work)
    running.tidy(0.0, living=())
    running.rest(100.0)
    running.enqueue(CONTAINMENTS, "work", "w-1", "a")
    wait_for(lambda: finished("w-1"), "it is done")
    running.rest(200.0)
    assert is_awake(running)
    running.rest(300.0)
    assert not is_awake(running)
    running.stop()


def test_what_was_cut_off_is_taken_up_by_the_first_look(tmp_path: Path, work: Work) -> None:
    url = f"sqlite:///{tmp_path / 'c.sqlite'}"
    work.gate.clear()
    before = engine(url, work)
    before.enqueue(CONTAINMENTS, "work", "w-1", "a")
    assert not finished("w-1")
    before.stop()
    work.gate.set()
    after = engine(url, work)
    after.tidy(0.0, living=())
    wait_for(lambda: finished("w-1"), "it is done")
    after.stop()


def test_who_shares_a_database_never_rests(postgres_url: str, work: Work) -> None:
    running = engine(postgres_url, work, "here")
    assert is_awake(running)
    assert not rested(running, 100.0)
    running.stop()


def test_what_cannot_be_used_is_told_each_time_until_it_can(tmp_path: Path, work: Work) -> None:
    file = tmp_path / "c.sqlite"
    file.write_bytes(b"not a database at all, but long enough to look like one" * 50)
    running = engine(f"sqlite:///{file}", work)
    for _ in range(2):
        with pytest.raises(ConfigError, match="move it away"):
            running.enqueue(CONTAINMENTS, "work", "w-1", "a")
    file.unlink()
    running.enqueue(CONTAINMENTS, "work", "w-1", "a")
    wait_for(lambda: finished("w-1"), "it is done")
    running.stop()


def test_a_step_belongs_to_a_workflow(tmp_path: Path, work: Work) -> None:
    running = engine(f"sqlite:///{tmp_path / 'c.sqlite'}", work)
    with pytest.raises(RuntimeError, match="none runs"):
        running.step("only", lambda: "x")
    running.stop()
    assert not (tmp_path / "c.sqlite").exists()
