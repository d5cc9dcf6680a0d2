"""The containment: what is done about an incident, in its order, and taken up again where a crash has cut it off."""

import contextlib
import contextvars
from collections.abc import Callable, Mapping, Sequence
from math import inf
from threading import Condition, Event, Lock, Thread

from detector.incident.incident import Event as Happening
from detector.incident.incident import Step
from detector.ports import Temporary
from detector.response import fault, operators
from detector.response.announcements import Announcements
from detector.response.calls import Calls
from detector.response.engine import HOOKS, LOCAL, Engine
from detector.response.living import Living
from detector.response.operators import Operators
from detector.response.patience import Patience
from detector.response.permission import Permission, Permissions
from detector.response.plan import CONTAINING, SETTLING
from detector.response.steps import Steps
from detector.response.told import Result
from detector.response.tools import Tools
from detector.response.watch import Watch

STOP_TIME = 10.0
LOOK_EVERY, LOOK_EVERY_ALONE = 1.0, 3.0
"""Seconds. Whoever changes the records here wakes it; by itself it finds what time asks for, and other hosts."""

LOOK_GAP = 0.5
"""Seconds between two looks, however many incidents are opened: the relay needs the processor, too."""

TIDY_EVERY = 3600.0
CALLS_AT_ONCE = 8
"""Of each step: more at a time help no provider, and so many threads are lost at most where one hangs."""

FINISHED, PUT_OFF = "finished", "put off"


class Containment:
    """Carries out the errands of the records, each one as a durable workflow.

    All methods block and may be called from any thread that runs no event loop. Several processes may share one
    PostgreSQL; then each has its `executor_id`. One process at a time may use a SQLite file.
    """

    def __init__(self, url: str, tools: Tools, executor_id: str = LOCAL) -> None:
        self._tools = tools
        self._patience = Patience(tools.settings.retry)
        self._calls = Calls(CALLS_AT_ONCE)
        self._steps = Steps(tools, self._patience, self._calls)
        self._permissions = Permissions(tools, self._patience)
        self._operators = Operators(tools, self._patience)
        self._announcements = Announcements(tools, self._patience)
        self._engine = Engine(url, executor_id)
        self._living = None if executor_id == LOCAL else Living(tools.records, self._engine, executor_id)
        self._watch = Watch(tools, self._engine, self._announce)
        self._tidied_at = -inf
        self._looking = Lock()
        self._wake, self._ended = Event(), Event()
        self._thread = Thread(target=self._look_again_and_again, name="containment-look", daemon=True)
        self._look_every = LOOK_EVERY if self._living else LOOK_EVERY_ALONE
        self._running = 0
        self._idle = Condition()

    def start(self) -> None:
        """From now on do what is asked for. Raises `ConfigError` or `Temporary`."""
        if self._living is not None:
            self._living.beat()
        self._engine.start(
            {
                "carry_out": self._counted(self._carry_out),
                "deliver": self._counted(self._operators.deliver),
                "announce": self._counted(self._announcements.deliver),
                "remind": self._counted(self._remind),
            }
        )

    def begin(self) -> None:
        """In a thread: take up what was cut off, and begin what nobody has begun, again and again."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """Wait a moment for steps that run; who waits for another attempt goes on in the next process."""
        self._ended.set()
        self._wake.set()
        self._patience.end()
        self._wait_until_idle(STOP_TIME)
        self._calls.end()
        self._wait_until_idle(STOP_TIME)
        if self._thread.ident is not None:
            self._thread.join(STOP_TIME)
        self._engine.stop()
        if self._living is not None:
            with contextlib.suppress(Temporary):
                self._living.end()

    def open(self, incident_id: str = "") -> None:  # noqa: ARG002 - the records know which
        """Look soon: an incident was opened, or something was decided. Returns at once."""
        self._wake.set()

    def announce(self, kind: str, words: Mapping[str, object], key: str, personal: Mapping[str, object]) -> None:
        """Tell operators what is about no single incident, once for each key; `personal` to those who may hear it."""
        self._announcements.remember(key, personal)
        self._announce(kind, words, key)

    def keep_in_step(self) -> None:
        """Do what the records ask for, and what time asks for. Raises `Temporary` when they do not answer."""
        with self._looking:
            self._watch.look()

    # -- the story --

    def _carry_out(self, number: int, run: int, incident_id: str, steps: Sequence[str]) -> str:
        """One errand. Where it must wait for the end of a freeze, it ends, and another run goes on."""
        records = self._tools.records
        finished = self._do(incident_id, steps)
        if finished:
            self._engine.step("errand done", self._patience.insist, lambda: records.errand_done(number), "errand_done")
        else:
            self._engine.step("put off", self._patience.insist, lambda: records.put_off(number, run), "put_off")
        return FINISHED if finished else PUT_OFF

    def _do(self, incident_id: str, steps: Sequence[str]) -> bool:
        """Whether it went through to the end."""
        if Step.CONTAIN in steps and not self._contain(incident_id):
            return False
        for plan in SETTLING:
            if plan.step in steps and not self._perform(incident_id, plan.step):
                return False
        if Step.DISCARD_QUEUE in steps and self._engine.step(
            "strikes", self._permissions.proposes_termination, incident_id
        ):
            self._tell_step(incident_id, operators.TERMINATION_PROPOSED)
        if Step.LIFT_BLOCK in steps:
            self._tell_step(incident_id, operators.CLOSED)
        return True

    def _contain(self, incident_id: str) -> bool:
        """Tell operators - may we? - the steps - tell operators. Where a person must be asked, that is the end."""
        self._tell_step(incident_id, operators.OPENED)
        if self._frozen():
            return False
        match self._engine.step("ask_permission", self._permissions.ask, incident_id):
            case Permission.ASK:
                self._tell_step(incident_id, operators.NEEDS_CONFIRMATION)
            case Permission.BREAKER:
                self._engine.step("breaker", self._permissions.open_breaker)
            case Permission.GO:
                return self._act(incident_id)
        return True

    def _act(self, incident_id: str) -> bool:
        if not all(self._perform(incident_id, plan.step) for plan in CONTAINING):
            return False
        self._engine.step("finish", self._permissions.advance, incident_id, Happening.STEPS_DONE)
        if not self._engine.step("closed", self._permissions.closed, incident_id):
            self._tell_step(incident_id, operators.CONTAINED)
        return True

    def _perform(self, incident_id: str, step: str) -> bool:
        """Do a step, whatever comes of it; False: not now."""
        if self._frozen():
            return False
        if self._engine.step(step, self._steps.perform, incident_id, step) == Result.FAILED:
            self._tell_step(incident_id, operators.STEP_FAILED, step)
        return True

    def _frozen(self) -> bool:
        records, clock = self._tools.records, self._tools.clock
        return self._engine.step(
            "frozen", lambda: self._patience.insist(lambda: records.frozen(clock()), "frozen") is not None
        )

    def _remind(self, incident_id: str, since: float, count: int, words: str) -> bool:
        """Nobody has decided. An incident may wait more than once, so it is told since when."""
        self._engine.step("tell in the timeline", self._tell_reminded, incident_id, count, words)
        self._tell_step(incident_id, operators.WAITING, f"{since:.0f}.{count}")
        return True

    # -- telling --

    def _tell_reminded(self, incident_id: str, count: int, words: str) -> None:
        records, now = self._tools.records, self._tools.clock()
        self._patience.insist(
            lambda: records.record_step(incident_id, "waiting", f"reminder {count}", now, words), "record_step"
        )

    def _tell_step(self, incident_id: str, kind: str, step: str = "") -> None:
        """One step however many hooks there are, so that another number of them after a restart does no harm."""
        # In a context of its own: DBOS would refuse to start a workflow in the middle of a step.
        self._engine.step(f"tell {kind}", lambda: contextvars.Context().run(self._tell, incident_id, kind, step))

    def _tell(self, incident_id: str, kind: str, step: str) -> None:
        """Queue the event for each hook, once."""
        now = self._tools.clock()
        for name in self._operators.names:
            workflow_id = ".".join(filter(None, (incident_id, kind, step, name)))
            self._engine.enqueue(HOOKS, "deliver", workflow_id, name, incident_id, kind, step, now, partition=name)

    def _announce(self, kind: str, words: Mapping[str, object], key: str) -> None:
        """Queue what is about no single incident, once for each hook."""
        now = self._tools.clock()
        for name in self._operators.names:
            self._engine.enqueue(HOOKS, "announce", f"{key}.{name}", name, kind, words, now, key, partition=name)

    # -- time --

    def _tidy(self, now: float) -> None:
        self._engine.tidy(now, set() if self._living is None else self._living.names())
        self._watch.begin_again()
        self._tidied_at = now

    def _look_again_and_again(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(self._look_every)
            self._wake.clear()
            with fault.shown(self._tools.metrics):
                if abs(self._tools.clock() - self._tidied_at) >= TIDY_EVERY:
                    self._tidy(self._tools.clock())
                self.keep_in_step()
                self._engine.rest(self._tools.clock())
                if self._living is not None and self._living.is_due(self._tools.clock()):
                    self._living.look(self._tools.clock())
            self._ended.wait(LOOK_GAP)

    def _wait_until_idle(self, seconds: float) -> None:
        with self._idle:
            self._idle.wait_for(lambda: self._running == 0, seconds)

    def _counted(self, function: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object) -> object:
            with self._idle:
                self._running += 1
            try:
                return function(*arguments)
            finally:
                with self._idle:
                    self._running -= 1
                    self._idle.notify_all()

        return run
