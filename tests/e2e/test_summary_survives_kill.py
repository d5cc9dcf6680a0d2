"""What operators would have been told in a summary, the next process tells when the first one is killed before."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detector.incident.incident import State
from detector.records.records import Records
from tests.support.ports import PATIENCE, wait_for
from tests.support.response import incident

pytestmark = pytest.mark.e2e
MANY = 8
WAIT = 3600.0
"""Seconds that events are gathered: longer than the test takes, on whatever machine."""


@contextmanager
def process(directory: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "tests.support.summary_process", str(directory), str(WAIT)]
    log = directory / f"log-{name}"
    with log.open("wb") as output:
        running = subprocess.Popen(argv, stdout=output, stderr=output)
    try:
        wait_for(lambda: b"started\n" in log.read_bytes(), "the process is started")
        yield running
    finally:
        running.kill()
        running.wait(PATIENCE)


def heard(directory: Path) -> list[dict[str, Any]]:
    path = directory / "heard"
    whole = path.read_text("utf-8").rpartition("\n")[0] if path.exists() else ""
    return [json.loads(line) for line in whole.splitlines()]


def told(directory: Path) -> set[str]:
    """Incidents that operators have heard of, by themselves or in a summary."""
    return {name for event in heard(directory) for name in (event.get("incident"), *event.get("incidents", [])) if name}


def test_a_summary_that_was_waited_for_is_told_by_the_next_process(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path / 'records.sqlite'}")
    names = [f"i-{number}" for number in range(MANY)]

    def open_incident(name: str) -> None:
        now = time.time()
        one = incident(name, f"{name}@example.org")
        records.open_incident(replace(one, opened_at=now, changed_at=now))

    def contained() -> bool:
        return len(records.incidents(State.CONTAINED)) == MANY

    with process(tmp_path, "first") as first:
        open_incident(names[0])
        wait_for(lambda: told(tmp_path) == {names[0]}, "the first incident is told at once")
        for name in names[1:]:
            open_incident(name)
        wait_for(contained, "all are contained, and their events wait")
        first.kill()
    assert told(tmp_path) == {names[0]}
    with process(tmp_path, "next"):  # it has told nothing so far, so it looks back, and waits for nothing
        wait_for(lambda: told(tmp_path) == set(names), "the next process tells of all")
    assert len(heard(tmp_path)) < 2 * MANY
    assert any(event["event"] == "incidents.summary" for event in heard(tmp_path))
    records.close()
