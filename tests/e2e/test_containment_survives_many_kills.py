"""A containment is killed again and again, in whatever it does; what it was asked for is done in the end, and once."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from detector.records.records import Records
from detector.response.plan import CONTAINING
from detector.response.told import finished_steps
from tests.support import crash_process
from tests.support.crash_process import DEPTHS, INCIDENTS, POINTS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CALLED = {"change_password", "revoke_app_passwords", "end_sessions", "hold_queue"}


def live_and_die(directory: Path, url: str, lives: int) -> None:
    done = subprocess.run(
        [sys.executable, crash_process.__file__, str(directory), url, str(lives), "4"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        capture_output=True,
        text=True,
        timeout=840,
    )
    assert done.returncode == 0, done.stderr + (directory / "output").read_text("utf-8")[-5_000:]


def lines(path: Path) -> list[list[str]]:
    return [line.split(" ") for line in path.read_text("utf-8").splitlines()]


def check_calls(directory: Path) -> None:
    """No step of an incident was asked for with two keys, and none was left out."""
    calls = lines(directory / "calls")
    assert {key for _, _, key in calls} >= {f"i-{n}.{step}" for n in range(INCIDENTS) for step in CALLED}
    for kind, account, key in calls:
        assert key == f"i-{account.removeprefix('a')}.{kind}"


def check_timeline(records: Records, number: int) -> None:
    """Each step has ended once, and the decision has brought what it brings."""
    ended = Counter(done.step for done in finished_steps(records.timeline(f"i-{number}")))
    decided = ["release_queue", "apologise"] if number % 2 else ["discard_queue"]
    assert ended == Counter([plan.step for plan in CONTAINING] + decided)


def check(directory: Path, url: str) -> None:
    check_calls(directory)
    records = Records(url)
    for number in range(INCIDENTS):
        check_timeline(records, number)
    records.close()
    points = lines(directory / "points")
    assert len(points) >= POINTS
    assert len({steps for _, steps in points}) >= DEPTHS


def test_nothing_is_forgotten_and_nothing_done_twice_with_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    live_and_die(tmp_path, url, 12)
    check(tmp_path, url)


def test_the_process_that_is_left_takes_over_with_postgresql(tmp_path: Path, postgres_url: str) -> None:
    live_and_die(tmp_path, postgres_url, 14)
    check(tmp_path, postgres_url)
    assert "work_taken_over" in (tmp_path / "output").read_text("utf-8")
