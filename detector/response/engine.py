"""The workflow engine: loaded when the first work is there, and at rest while there is none.

To load it takes half as long as everything that mail needs at the start. Awake, it looks for work all the time, which
takes more of the processor than all else in an hour without mail; it is awake again within a tenth of a second.
"""

import gc
from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from detector.config import ConfigError

if TYPE_CHECKING:
    from detector.response.durable import Durable

T = TypeVar("T")

LOCAL = "local"
"""The name of the one process that uses a SQLite file: the next one goes on with what it has begun."""

CONTAINMENTS = "containments"
HOOKS = "hooks"
REST_AFTER = 10.0
"""Seconds between two looks whether there is work; where both find none, it rests."""


class Engine:
    """`start` it, then it wakes for whatever it is asked; that may raise `ConfigError`. It blocks, in any thread.

    Where several processes share a PostgreSQL it never rests: it may have to do what others have begun.
    """

    def __init__(self, url: str, executor_id: str = LOCAL) -> None:
        self._url = url
        self._executor_id = executor_id
        self._workflows: Mapping[str, Callable[..., object]] = {}
        self._turn = Lock()
        self._durable: Durable | None = None
        self._looked_at = float("-inf")
        self._idle = False
        self._loaded = False

    def start(self, workflows: Mapping[str, Callable[..., object]]) -> None:
        """What it is asked for is one of these. In a PostgreSQL we may miss a right, so it is tried now."""
        self._workflows = workflows
        if self._executor_id != LOCAL:
            with self._turn:
                self._awake()

    def stop(self) -> None:
        with self._turn:
            if self._durable is not None:
                self._durable.stop()

    def enqueue(self, queue: str, workflow: str, workflow_id: str, *arguments: object, partition: str = "") -> None:
        """See `Durable.enqueue`, as for all that follow."""
        with self._turn:
            self._idle = False
            self._awake().enqueue(queue, workflow, workflow_id, *arguments, partition=partition)

    def step(self, name: str, function: Callable[..., T], *arguments: object) -> T:
        durable = self._durable
        if durable is None:
            raise RuntimeError("a step is a part of a workflow, and none runs")
        return durable.step(name, function, *arguments)

    def tidy(self, now: float, living: Collection[str]) -> None:
        """It takes up what was cut off, too."""
        with self._turn:
            self._awake().tidy(now, living)

    def at_work(self) -> set[str]:
        with self._turn:
            return self._awake().at_work()

    def take_over(self, executor_ids: Collection[str]) -> None:
        with self._turn:
            self._awake().take_over(executor_ids)

    def rest(self, now: float) -> None:
        """Call it again and again: it rests when there was no work for a while."""
        with self._turn:
            if self._durable is None or self._executor_id != LOCAL or abs(now - self._looked_at) < REST_AFTER:
                return
            self._looked_at = now
            idle_before, self._idle = self._idle, not self._durable.busy()
            if idle_before and self._idle:
                self._durable.stop()
                self._durable, self._idle = None, False

    def _awake(self) -> "Durable":
        if self._durable is None:
            from detector.response.durable import Durable

            if not self._loaded:
                gc.freeze()  # as `detector.process.settle_in` does with what was loaded before
                self._loaded = True
            durable = Durable(self._url, self._executor_id)
            try:
                durable.start(self._workflows)
            except ConfigError:
                durable.stop()
                raise
            self._durable = durable
        return self._durable
