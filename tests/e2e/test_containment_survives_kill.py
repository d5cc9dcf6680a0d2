"""A process is killed between two steps of a containment; the next one goes on with the second."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from detector.incident.incident import State
from tests.support import containment_process
from tests.support.ports import PATIENCE, wait_for
from tests.support.response import Scene, incident

pytestmark = pytest.mark.e2e


@contextmanager
def process(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (directory / "output").open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, containment_process.__file__, str(directory)],
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait(PATIENCE)


def let_go(fifo: Path) -> bool:
    """Whether a session command waited at the fifo, and was let go."""
    with suppress(OSError):  # ENXIO: nobody reads yet
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        return True
    return False


def test_killed_between_two_steps_goes_on_with_the_second(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    scene.records.open_incident(incident())
    with process(tmp_path) as child:
        held: list[int] = []

        def at_the_fifo() -> bool:
            with suppress(OSError):
                held.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
            return bool(held)

        wait_for(at_the_fifo, "the session command waits")
        child.send_signal(signal.SIGKILL)
        child.wait(PATIENCE)
        os.close(held[0])
    assert scene.told() == ["opened", "change_password: done", "revoke_app_passwords: skipped"]
    with process(tmp_path) as child:
        wait_for(lambda: let_go(fifo), "the next process ends sessions")
        wait_for(lambda: scene.records.incident("i-1").state is State.CONTAINED, "it is contained")
        child.terminate()
        assert child.wait(PATIENCE) == 0
    assert (tmp_path / "passwords").read_text() == "i-1.change_password\n"
    assert scene.told()[1:4] == ["change_password: done", "revoke_app_passwords: skipped", "end_sessions: done"]
    scene.records.close()


def test_killed_before_anything_was_done_does_everything_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    scene.records.open_incident(incident())
    with process(tmp_path) as child:
        wait_for((tmp_path / "containment.sqlite").exists, "it begins")
        child.kill()
        child.wait(PATIENCE)
    with process(tmp_path):
        wait_for(lambda: let_go(tmp_path / "fifo"), "sessions are ended")
        wait_for(lambda: scene.records.incident("i-1").state is State.CONTAINED, "it is contained")
    assert (tmp_path / "passwords").read_text() == "i-1.change_password\n"
    scene.records.close()
