"""The containment: what is done about an incident, in its order, and taken up again where a crash has cut it off."""

import contextlib
import contextvars
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetEnqueueOptions, SetWorkflowID
from sqlalchemy.exc import SQLAlchemyError

from detector.config import ConfigError
from detector.incident.incident import Event, Incident, State, Step
from detector.response import operators
from detector.response.operators import Operators
from detector.response.patience import Patience
from detector.response.steps import (
    CHANGE_PASSWORD,
    END_SESSIONS,
    NOTIFY_CUSTOMER,
    Permission,
    Result,
    Steps,
    was_released,
)
from detector.response.tools import Tools

# DBOS takes up only workflows of its own version; ours changes when the order of steps in `_contain` or `_act` does.
ORDER_VERSION = "1"
QUEUE = "hooks"
DELIVERIES_PER_HOOK = 4
QUEUE_LOOKS_EVERY = 0.5
STOP_TIME = 10.0
MANY = 10_000
KEEP_WORKFLOWS = 90 * 86_400.0
LOST = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
UNRESOLVED = (State.OPEN, State.PENDING, State.CONTAINED, State.CONFIRMED)


class Containment:
    """Durable by DBOS in a SQLite file of its own, which holds ids of incidents, names of steps and their results only.

    The order: tell operators - may we? - change the password - end the sessions - notify the customer - tell operators.
    (The account is blocked before: that came with the incident.) Where a person must be asked, it ends, and their
    confirmation starts the rest. All methods block and may be called from any thread that runs no event loop; DBOS is
    global to the process, so one `Containment` can be started at a time, and one process may use the file.
    """

    def __init__(self, database: Path, tools: Tools) -> None:
        self._database = database
        self._tools = tools
        self._patience = Patience(tools.settings.retry)
        self._steps = Steps(tools, self._patience)
        self._operators = Operators(tools, self._patience)
        self._unresolved: set[str] = set()
        self._settled: set[str] = set()
        self._running = 0
        self._idle = Condition()

    def start(self) -> None:
        """Take up what was cut off, and open what nobody has begun."""
        self._database.touch(mode=0o600)
        DBOS(config=self._configuration())

        # Closures, because DBOS marks the functions that it is given, and a bound method cannot be marked. Their names
        # stand in the database.
        @DBOS.workflow(name="contain")
        def contain(incident_id: str) -> str:
            with self._at_work():
                return self._contain(incident_id)

        @DBOS.workflow(name="contain_confirmed")
        def contain_confirmed(incident_id: str) -> str:
            with self._at_work():
                return self._act(incident_id)

        @DBOS.workflow(name="deliver")
        def deliver(name: str, incident_id: str, kind: str, step: str, happened_at: float) -> bool:
            with self._at_work():
                return self._operators.deliver(name, incident_id, kind, step, happened_at)

        self._contain_workflow, self._confirmed_workflow, self._deliver_workflow = contain, contain_confirmed, deliver
        try:
            DBOS.launch()
        except SQLAlchemyError as error:
            problem = str(error).splitlines()[0]
            msg = f"{self._database} cannot be used: {problem}; move it away: containments under way begin again"
            raise ConfigError(msg) from error
        DBOS.register_queue(
            QUEUE,
            partition_worker_concurrency=DELIVERIES_PER_HOOK,
            polling_interval_sec=QUEUE_LOOKS_EVERY,
            on_conflict="always_update",
        )
        self._tidy()
        self.keep_in_step()

    def stop(self) -> None:
        """Wait a moment for steps that run; who waits for another attempt goes on in the next process."""
        self._patience.end()
        with self._idle:
            self._idle.wait_for(lambda: self._running == 0, STOP_TIME)
        DBOS.destroy(destroy_registry=True)

    def open(self, incident_id: str) -> None:
        """Contain an incident that is in the records. Again and again is once."""
        self._unresolved.add(incident_id)
        with SetWorkflowID(incident_id):
            DBOS.start_workflow(self._contain_workflow, incident_id)

    def decided(self, incident_id: str, steps: Sequence[Step]) -> None:
        """Do what a person's decision asks for: the steps that `Records.apply` gave back."""
        if Step.CONTAIN in steps:
            with SetWorkflowID(f"{incident_id}.confirmed"):
                DBOS.start_workflow(self._confirmed_workflow, incident_id)
        if Step.LIFT_BLOCK in steps:
            self._unresolved.discard(incident_id)
            self._tell(incident_id, operators.CLOSED)

    def keep_in_step(self) -> None:
        """Do what the records ask for and nobody has told us: decisions of another process, incidents of before.

        Raises `Temporary` when the records do not answer; the next call does it then.
        """
        found = {i.incident_id: i for state in UNRESOLVED for i in self._tools.records.incidents(state, limit=MANY)}
        for incident in found.values():
            self._take_up(incident)
        for incident_id in self._unresolved - found.keys():
            if self._tools.records.incident(incident_id).state is State.CLOSED:
                self._close(incident_id)
        self._unresolved |= found.keys()
        self._settled &= found.keys()
        self._count(found.values())

    def _count(self, found: Collection[Incident]) -> None:
        states = Counter(incident.state for incident in found)
        for state in UNRESOLVED:
            self._tools.metrics.incidents.labels(state.value).set(states[state])
        # A trusted incident asks a person for one reason only: the breaker.
        waiting = any(incident.trusted and incident.state is State.PENDING for incident in found)
        self._tools.metrics.breaker_open.set(int(waiting))

    def _take_up(self, incident: Incident) -> None:
        incident_id = incident.incident_id
        if incident_id in self._settled or incident.state in (State.PENDING, State.CONTAINED):
            return
        status = DBOS.get_workflow_status(incident_id)
        if status is None:
            self.open(incident_id)
        elif status.status == "SUCCESS" and incident.state is State.CONFIRMED:
            if status.output == Permission.ASK.value:
                self.decided(incident_id, (Step.CONTAIN,))
            self._settled.add(incident_id)

    def _close(self, incident_id: str) -> None:
        """Another process closed it; perhaps it was confirmed and released before we looked."""
        status = DBOS.get_workflow_status(incident_id)
        asked = status is not None and status.output == Permission.ASK.value
        if asked and was_released(self._tools.records.timeline(incident_id)):
            self.decided(incident_id, (Step.CONTAIN,))
        self.decided(incident_id, (Step.LIFT_BLOCK,))

    def _tidy(self) -> None:
        """Forget what is long over, and what ended by a fault of ours, so that `keep_in_step` begins it again.

        The timeline keeps what such a workflow has done from being done twice.
        """
        then = datetime.fromtimestamp(self._tools.clock() - KEEP_WORKFLOWS, UTC).isoformat()
        lost = DBOS.list_workflows(status=list(LOST), load_input=False, load_output=False)
        old = DBOS.list_workflows(status="SUCCESS", completed_before=then, load_input=False, load_output=False)
        DBOS.delete_workflows([workflow.workflow_id for workflow in (*lost, *old)])

    # -- the story --

    def _contain(self, incident_id: str) -> str:
        self._tell_step(incident_id, operators.OPENED)
        permission = DBOS.run_step({"name": "ask_permission"}, self._steps.ask_permission, incident_id)
        if permission == Permission.ASK:
            self._tell_step(incident_id, operators.NEEDS_CONFIRMATION)
        if permission != Permission.GO:
            return permission
        return self._act(incident_id)

    def _act(self, incident_id: str) -> str:
        steps = self._steps
        in_order = {
            CHANGE_PASSWORD: steps.change_password,
            END_SESSIONS: steps.end_sessions,
            NOTIFY_CUSTOMER: steps.notify_customer,
        }
        for name, step in in_order.items():
            if DBOS.run_step({"name": name}, step, incident_id) == Result.FAILED:
                self._tell_step(incident_id, operators.STEP_FAILED, name)
        DBOS.run_step({"name": "finish"}, steps.advance, incident_id, Event.STEPS_DONE)
        if not DBOS.run_step({"name": "closed"}, steps.closed, incident_id):
            self._tell_step(incident_id, operators.CONTAINED)
        return "done"

    def _tell_step(self, incident_id: str, kind: str, step: str = "") -> None:
        """One step however many hooks there are, so that another number of them after a restart does no harm."""
        # In a context of its own: DBOS would refuse to start a workflow in the middle of a step.
        DBOS.run_step({"name": f"tell {kind}"}, lambda: contextvars.Context().run(self._tell, incident_id, kind, step))

    def _tell(self, incident_id: str, kind: str, step: str = "") -> int:
        """Queue the event for each hook, once; the number of hooks."""
        now = self._tools.clock()
        for name in self._operators.names:
            workflow_id = ".".join(filter(None, (incident_id, kind, step, name)))
            with SetWorkflowID(workflow_id), SetEnqueueOptions(queue_partition_key=name):
                DBOS.enqueue_workflow(QUEUE, self._deliver_workflow, name, incident_id, kind, step, now)
        return len(self._operators.names)

    # -- DBOS --

    def _configuration(self) -> DBOSConfig:
        return {
            "name": "detector",
            "system_database_url": f"sqlite:///{self._database.absolute()}",
            "application_version": f"containment-{ORDER_VERSION}",
            "executor_id": "local",
            "serializer": DBOSPortableJSONSerializer(),  # the default is pickle
            "log_level": "WARNING",
            "enable_otlp": False,
        }

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._idle:
            self._running += 1
        try:
            yield
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()
