"""Work that outlives the process: DBOS, in a SQLite file for one process or in PostgreSQL for several.

DBOS remembers which steps of a workflow are finished. It keeps ids of incidents, names of steps and their results only.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetEnqueueOptions, SetWorkflowID
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from detector.config import ConfigError
from detector.response.engine import CONTAINMENTS, HOOKS, LOCAL

T = TypeVar("T")

# DBOS takes up only workflows of its own version; ours changes when the order of steps in a workflow does.
VERSION = "containment-2"
# Each has a thread. Most of them wait: for the next attempt, or for a provider.
CONTAINMENTS_AT_ONCE = 64
DELIVERIES_PER_HOOK = 4
# Seconds. The block is in force at once; only what follows it waits so long. A look takes 4 ms of processor time, in
# which mail waits: four of them a second for each of two queues stood in the latency of the slowest hundredth.
LOOK_EVERY = 1.0
CONNECTIONS = 10
KEEP = 90 * 86_400.0
LOST = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
ACTIVE = ("PENDING", "ENQUEUED")


class Durable:
    """DBOS is global to the process, so one of these can be started at a time."""

    def __init__(self, url: str, executor_id: str = LOCAL) -> None:
        """`executor_id` names this process among those that share a PostgreSQL, and no process of before."""
        self._url = make_url(url)
        self._executor_id = executor_id
        self._workflows: Mapping[str, Callable[..., object]] = {}

    def start(self, workflows: Mapping[str, Callable[..., object]]) -> None:
        """Take up what was cut off. The names of the workflows stand in the database. Raises `ConfigError`."""
        if self._url.database and self._url.drivername.startswith("sqlite"):
            Path(self._url.database).touch(mode=0o600)
        DBOS(config=self._configuration())
        self._workflows = {
            # No limit of attempts: what was given up would only be begun again by the next start.
            name: DBOS.workflow(name=name, max_recovery_attempts=None)(_unbound(function))
            for name, function in workflows.items()
        }
        try:
            DBOS.launch()
        except SQLAlchemyError as error:
            problem = str(error).splitlines()[0]
            msg = f"{self._place} cannot be used: {problem}; {self._help}"
            raise ConfigError(msg) from error
        register = partial(DBOS.register_queue, polling_interval_sec=LOOK_EVERY, on_conflict="always_update")
        register(CONTAINMENTS, worker_concurrency=CONTAINMENTS_AT_ONCE)
        register(HOOKS, partition_worker_concurrency=DELIVERIES_PER_HOOK)

    def stop(self) -> None:
        DBOS.destroy(destroy_registry=True)

    def enqueue(self, queue: str, workflow: str, workflow_id: str, *arguments: object, partition: str = "") -> None:
        """Let any process run it. The same id again is nothing new."""
        with SetWorkflowID(workflow_id), SetEnqueueOptions(queue_partition_key=partition or None):
            DBOS.enqueue_workflow(queue, self._workflows[workflow], *arguments)

    def step(self, name: str, function: Callable[..., T], *arguments: object) -> T:
        """Inside a workflow: what `function` returns, or has returned before a crash."""
        return DBOS.run_step({"name": name}, function, *arguments)

    def tidy(self, now: float, living: Collection[str]) -> None:
        """Forget what is long over, what ended by a fault of ours, and what an older version has left.

        The errand that it came from is still there, so it is begun again. The timeline keeps what such a workflow has
        done from being done twice.
        """
        then = datetime.fromtimestamp(now - KEEP, UTC).isoformat()
        listed = partial(DBOS.list_workflows, load_input=False, load_output=False)
        gone = [*listed(status=list(LOST)), *listed(status="SUCCESS", completed_before=then)]
        gone += [
            workflow
            for workflow in listed(status=list(ACTIVE))
            if workflow.app_version != VERSION and workflow.executor_id not in living
        ]
        DBOS.delete_workflows([workflow.workflow_id for workflow in gone])

    def busy(self) -> bool:
        """Whether anything waits or runs, whoever has begun it."""
        return bool(DBOS.list_workflows(status=list(ACTIVE), limit=1, load_input=False, load_output=False))

    def at_work(self) -> set[str]:
        """The processes whose workflows are not finished, dead ones included."""
        pending = DBOS.list_workflows(status="PENDING", app_version=VERSION, load_input=False, load_output=False)
        return {workflow.executor_id for workflow in pending if workflow.executor_id}

    def take_over(self, executor_ids: Collection[str]) -> None:
        """Put what these processes have begun back into its queue; whoever takes it goes on with the next step.

        Two may do so at the same time. A process that is not dead after all cannot record a step any more.
        """
        DBOS._recover_pending_workflows(sorted(executor_ids))  # noqa: SLF001 - the public ways know no executor

    @property
    def _help(self) -> str:
        if self._url.drivername.startswith("sqlite"):
            return "move it away: containments under way begin again"
        return "is PostgreSQL running, and may we make a schema named 'dbos' in this database?"

    @property
    def _place(self) -> str:
        return self._url.render_as_string(hide_password=True).removeprefix("sqlite:///")

    def _configuration(self) -> DBOSConfig:
        return {
            "name": "detector",
            "system_database_url": self._url.render_as_string(hide_password=False),
            "sys_db_pool_size": CONNECTIONS,
            "use_listen_notify": False,  # nobody waits for an event
            "application_version": VERSION,
            "executor_id": self._executor_id,
            "serializer": DBOSPortableJSONSerializer(),  # the default is pickle
            "log_level": "WARNING",
            "enable_otlp": False,
        }


def _unbound(function: Callable[..., object]) -> Callable[..., object]:
    """DBOS marks the functions that it is given, and a bound method cannot be marked."""

    def run(*arguments: object) -> object:
        return function(*arguments)

    return run
