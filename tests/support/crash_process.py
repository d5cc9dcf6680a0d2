"""Lives of a containment, each ended by SIGKILL at a random moment: `crash_process.py DIRECTORY URL LIVES SEED`.

There are more than LIVES where these have not cut off enough: on a busy machine each does less.

One process loads everything and then forks a child for each life, so a life costs no more than a start of DBOS. On
PostgreSQL two live at the same time, and the one that is left takes over. The providers write each call with its key
to DIRECTORY/calls, on disk before they act. People decide between two lives. At the end DIRECTORY/points tells which
incidents were cut off where.
"""

import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text

from detector.config import Response, Retry
from detector.incident.incident import Event, State
from detector.metrics import Metrics
from detector.ports import Secret, Temporary
from detector.records.records import Records
from detector.response import durable, living, watch, workflow
from detector.response.engine import LOCAL
from detector.response.providers import Providers
from detector.response.tools import Tools
from tests.support.response import incident

INCIDENTS = 80
POINTS = 100
"""At least so many different places in different workflows must be cut off."""

DEPTHS = 10
"""So many of them a different number of steps behind the beginning: in all parts of a workflow."""

CONTAINMENT = "containment.sqlite"
LONGEST_LIFE = 0.8
"""Seconds, from the first call of a provider on."""


class Pen:
    """All providers at once. Each call is on disk before it does anything, and takes a moment."""

    def __init__(self, path: Path, born: int) -> None:
        self._calls = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._born = born
        self._lots = random.Random(time.monotonic_ns())

    def _note(self, kind: str, account: str, key: str) -> str:
        os.write(self._calls, f"{kind} {account} {key}\n".encode())
        os.fsync(self._calls)
        os.write(self._born, b".")
        time.sleep(self._lots.uniform(0.0, 0.02))
        if self._lots.random() < 0.1:
            raise Temporary("not now")
        return "done"

    def change_password(self, account: str, password: Secret, request_id: str) -> str:
        return self._note("change_password", account, request_id)

    def revoke_app_passwords(self, account: str, request_id: str) -> str:
        return self._note("revoke_app_passwords", account, request_id)

    def end_sessions(self, account: str, request_id: str) -> str:
        return self._note("end_sessions", account, request_id)

    def hold(self, account: str, request_id: str) -> str:
        return self._note("hold_queue", account, request_id)

    def release(self, account: str, request_id: str) -> str:
        return self._note("release_queue", account, request_id)

    def discard(self, account: str, request_id: str) -> str:
        return self._note("discard_queue", account, request_id)

    def check(self) -> str:
        return "pen"


def live(directory: Path, url: str, name: str, born: int) -> None:
    pen = Pen(directory / "calls", born)
    providers = Providers(password=pen, app_passwords=pen, sessions=pen, queue=pen)
    settings = Response(retry=Retry(attempts=50, first_wait=0.01, longest_wait=0.05), password_changes_per_hour=10_000)
    records = Records(url)
    tools = Tools(records, providers, settings, time.time, Metrics("test"))
    containment = workflow.Containment(workflow_url(directory, url), tools, name)
    containment.start()
    containment.begin()
    signal.pause()


def workflow_url(directory: Path, url: str) -> str:
    return f"sqlite:///{directory / CONTAINMENT}" if url.startswith("sqlite") else url


@dataclass(frozen=True)
class Life:
    """A process, its name among the executors, and a pipe that tells of its calls."""

    child: int
    name: str
    calls: int

    def end(self) -> None:
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        os.close(self.calls)


def fork(directory: Path, url: str, number: int) -> Life:
    name = LOCAL if url.startswith("sqlite") else f"life-{number}"
    born, calls = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(born)
        with (directory / "output").open("ab") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        try:
            live(directory, url, name, calls)
        finally:
            os._exit(1)
    os.close(calls)
    return Life(child, name, born)


def at_work(alive: list[Life], ended: Callable[[], bool]) -> Life:
    """One that calls a provider now; any one when nothing is left to do."""
    pipes = [life.calls for life in alive]
    while waiting := select.select(pipes, [], [], 0.0)[0]:
        if not all(os.read(pipe, 65_536) for pipe in waiting):
            msg = "a life has ended by itself"
            raise RuntimeError(msg)
    while not (calling := select.select(pipes, [], [], 1.0)[0]) and not ended():
        pass
    return next((life for life in alive if life.calls in calling), alive[-1])


def decide(url: str) -> bool:
    """What people do: each second incident was none. Whether everything has ended; they try again what was too busy."""
    with suppress(Temporary), closing(Records(url)) as records:
        for number in range(INCIDENTS):
            found = records.incident(f"i-{number}")
            if found.state is State.CONTAINED:
                records.apply(found.incident_id, Event.DISMISS if number % 2 else Event.CONFIRM, time.time(), "eve")
        states = {one.state for one in records.incidents(limit=INCIDENTS)}
        return states <= {State.CLOSED, State.CONFIRMED} and not records.errands(INCIDENTS)
    return False


def enough(points: set[tuple[str, int]]) -> bool:
    return len(points) >= POINTS and len({steps for _, steps in points}) >= DEPTHS


def cut_off(directory: Path, url: str, name: str) -> list[tuple[str, int]]:
    """Which workflows of a process run, each with the number of steps that it remembers."""
    engine = create_engine(workflow_url(directory, url))
    schema = "" if url.startswith("sqlite") else "dbos."
    query = (
        f"SELECT w.workflow_uuid, count(o.function_id) FROM {schema}workflow_status w"  # noqa: S608 - constant
        f" LEFT JOIN {schema}operation_outputs o ON o.workflow_uuid = w.workflow_uuid"
        " WHERE w.status = 'PENDING' AND w.executor_id = :name GROUP BY w.workflow_uuid"
    )
    try:
        with engine.connect() as connection:
            return [(workflow_id, steps) for workflow_id, steps in connection.execute(text(query), {"name": name})]
    except Exception:  # killed before it had made its tables
        return []
    finally:
        engine.dispose()


def hurry() -> None:
    """More at a time than a server would begin, and heard of sooner. In this process only: who imports us is not it."""
    watch.AT_ONCE = 80
    durable.CONTAINMENTS_AT_ONCE = 24
    durable.LOOK_EVERY = workflow.LOOK_EVERY = workflow.LOOK_EVERY_ALONE = workflow.LOOK_GAP = 0.1
    living.BEAT_EVERY = 0.1


def main(directory: Path, url: str, lives: int, seed: int) -> None:
    hurry()
    records = Records(url)
    for number in range(INCIDENTS):
        records.open_incident(incident(f"i-{number}", f"a{number}"))
    records.close()
    alive: list[Life] = []
    try:
        live_and_die(directory, url, alive, (lives, seed))
    finally:  # or they would live on without us
        for life in alive:
            life.end()


def live_and_die(directory: Path, url: str, alive: list[Life], asked: tuple[int, int]) -> None:
    """`asked` is how many lives there shall be, and the seed. Those that live are in `alive`, also when this fails."""
    lives, lots = asked[0], random.Random(asked[1])
    together = 1 if url.startswith("sqlite") else 2
    points: set[tuple[str, int]] = set()
    for number in count():
        if number >= lives and enough(points):
            break
        while len(alive) < together:
            alive.append(fork(directory, url, number * together + len(alive)))
        # Most are killed at work, some as they start.
        victim = at_work(alive, lambda: decide(url)) if lots.random() < 0.9 else alive[-1]
        time.sleep(lots.uniform(0.0, LONGEST_LIFE))
        alive.remove(victim)
        victim.end()
        points.update(cut_off(directory, url, victim.name))
        if decide(url):
            break
    (directory / "points").write_text("".join(f"{workflow} {steps}\n" for workflow, steps in sorted(points)), "utf-8")
    alive.append(fork(directory, url, -1))
    while not decide(url):
        time.sleep(0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
