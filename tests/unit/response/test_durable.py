from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from dbos import DBOS

from detector.config import ConfigError
from detector.response.durable import VERSION, Durable
from detector.response.engine import CONTAINMENTS, LOCAL
from tests.support.ports import PATIENCE, wait_for


class Done:
    """What a workflow of two steps has done, over all processes of a test."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.gate = Event()
        self.gate.set()

    def workflow(self, durable: Durable, name: str) -> str:
        durable.step("first", self.steps.append, f"{name}: first")
        durable.step("second", self._second, name)
        return "done"

    def _second(self, name: str) -> None:
        self.steps.append(f"{name}: second")
        assert self.gate.wait(PATIENCE)


@pytest.fixture
def done() -> Iterator[Done]:
    done = Done()
    yield done
    done.gate.set()


def start(url: str, done: Done, executor_id: str = LOCAL) -> Durable:
    durable = Durable(url, executor_id)
    durable.start({"work": lambda name: done.workflow(durable, name)})
    return durable


def status(workflow_id: str) -> str:
    found = DBOS.get_workflow_status(workflow_id)
    return "" if found is None else found.status


def test_the_same_work_is_done_once(tmp_path: Path, done: Done) -> None:
    durable = start(f"sqlite:///{tmp_path / 'c.sqlite'}", done)
    for _ in range(2):
        durable.enqueue(CONTAINMENTS, "work", "w-1", "a")
    wait_for(lambda: status("w-1") == "SUCCESS", "it is done")
    durable.enqueue(CONTAINMENTS, "work", "w-1", "a")
    durable.enqueue(CONTAINMENTS, "work", "w-2", "b")
    wait_for(lambda: status("w-2") == "SUCCESS", "the next one is done")
    durable.stop()
    assert done.steps == ["a: first", "a: second", "b: first", "b: second"]
    assert (tmp_path / "c.sqlite").stat().st_mode & 0o077 == 0


def test_the_work_of_another_process_is_taken_over_after_its_last_step(postgres_url: str, done: Done) -> None:
    done.gate.clear()
    one = start(postgres_url, done, "one")
    one.enqueue(CONTAINMENTS, "work", "w-1", "a")
    wait_for(lambda: len(done.steps) == 2, "it hangs in its second step")
    one.stop()  # as if it were dead: its workflow is left as it is
    done.gate.set()
    other = start(postgres_url, done, "other")
    assert other.at_work() == {"one"}
    for _ in range(2):
        other.take_over({"one"})
    wait_for(lambda: status("w-1") == "SUCCESS", "it is done")
    assert other.at_work() == set()
    other.stop()
    assert done.steps == ["a: first", "a: second", "a: second"]


def test_what_an_older_version_has_left_is_begun_again(
    tmp_path: Path, done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'c.sqlite'}"
    done.gate.clear()
    monkeypatch.setattr("detector.response.durable.VERSION", "containment-0")
    old = start(url, done)
    old.enqueue(CONTAINMENTS, "work", "w-1", "a")
    wait_for(lambda: len(done.steps) == 2, "it hangs in its second step")
    old.stop()
    done.gate.set()
    monkeypatch.setattr("detector.response.durable.VERSION", VERSION)
    new = start(url, done)
    assert status("w-1") == "PENDING"
    new.tidy(0.0, living=())
    assert status("w-1") == ""
    new.stop()


def test_a_damaged_file_is_a_configuration_error(tmp_path: Path, done: Done) -> None:
    (tmp_path / "c.sqlite").write_bytes(b"not a database at all, but long enough to look like one" * 50)
    with pytest.raises(ConfigError, match=r"c\.sqlite cannot be used: .*move it away"):
        start(f"sqlite:///{tmp_path / 'c.sqlite'}", done)
    DBOS.destroy(destroy_registry=True)


def test_a_server_that_is_away_is_told_without_its_password(done: Done) -> None:
    with pytest.raises(ConfigError) as caught:
        start("postgresql+psycopg://detector:secret@127.0.0.1:1/detector", done, "one")
    assert "secret" not in str(caught.value)
    DBOS.destroy(destroy_registry=True)
