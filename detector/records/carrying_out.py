"""Records of what the containment has to do, what keeps it from it, and who does it."""

from datetime import UTC, datetime

from detector.incident.incident import Event, State
from detector.records import audit, errands, incidents, switches
from detector.records.database import Database
from detector.records.engine import errors_named
from detector.records.entries import TimelineEntry
from detector.records.errands import Decided, Errand, Waiting
from detector.records.incidents import PROGRAM
from detector.records.switches import BREAKER, FREEZE, Switch

SUBJECT = "containments"
"""Of audit entries that are about all of them."""


class CarryingOut(Database):
    """A part of `Records`."""

    # -- errands --

    def errands(self, limit: int) -> list[Errand]:
        """The oldest of each incident, oldest first."""
        with self._read("errands") as connection:
            return errands.first_of_each(connection, limit)

    def errand_done(self, number: int) -> None:
        with self._write("errand_done") as connection:
            errands.done(connection, number)

    def put_off(self, number: int, run: int) -> None:
        """The errand's run had to stop before its end; the next one goes on. Twice is once."""
        with self._write("put_off") as connection:
            errands.put_off(connection, number, run)

    def unresolved(self) -> list[Waiting]:
        """Incidents that are not closed, oldest first, without their evidence."""
        with self._read("unresolved") as connection:
            return errands.unresolved(connection)

    def decided_of(self, then: float) -> Decided:
        """What became of the incidents that were opened since then (Unix seconds), as far as it is decided."""
        with self._read("decided_of") as connection:
            return errands.decided_of(connection, then)

    def record_step(  # noqa: PLR0913 - a line of the timeline
        self, incident_id: str, step: str, result: str, now: float, detail: str = "", *, began_at: float | None = None
    ) -> None:
        """Tell in the timeline what came of a step of the containment, and when it began."""
        with self._write("record_step") as connection:
            told = TimelineEntry(now, PROGRAM, f"{step}: {result}", detail, began_at)
            incidents.record_step(connection, incident_id, told)

    # -- permission --

    def approved_by_a_person(self, incident_id: str) -> bool:
        """Whether a person let the containment go on; what the program approved by itself must pass the breaker."""
        with self._read("approved_by_a_person") as connection:
            return any(actor != PROGRAM for actor in errands.approved_by(connection, incident_id))

    def approve_waiting(self, now: float, actor: str, detail: str = "", limit: int | None = None) -> list[str]:
        """Let the oldest `limit` of those go on that the circuit breaker has stopped (None: all); their ids.

        Those of whom nobody knows whether the sender is who he says stay: each must be looked at.
        """
        told = TimelineEntry(now, actor, Event.APPROVE.value, detail)
        with self._write("approve_waiting") as connection:
            stopped = [i for i in errands.unresolved(connection) if i.state is State.PENDING and i.trusted]
            for incident in stopped[:limit]:
                incidents.apply(connection, incident.incident_id, Event.APPROVE, told)
            return [incident.incident_id for incident in stopped[:limit]]

    # -- switches --

    def freeze(self, now: float, until: float | None, actor: str, reason: str) -> None:
        """No containment does anything until then (Unix seconds; None: until `unfreeze`)."""
        end = "until it is ended" if until is None else f"until {datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC"
        with self._write("freeze") as connection:
            switches.switch_on(connection, Switch(FREEZE, now, until, actor, reason))
            audit.append(connection, now, (actor, "freeze", SUBJECT, f"{end}: {reason}"))

    def unfreeze(self, now: float, actor: str, reason: str = "") -> bool:
        """Whether there was a freeze, over or not."""
        with self._write("unfreeze") as connection:
            found = switches.switch_off(connection, FREEZE)
            detail = ": ".join(filter(None, ("" if found else "was not frozen", reason)))
            audit.append(connection, now, (actor, "unfreeze", SUBJECT, detail))
            return found

    def frozen(self, now: float) -> Switch | None:
        """The freeze that holds now."""
        with self._read("frozen") as connection:
            freeze = switches.find(connection, FREEZE)
        return freeze if freeze is not None and freeze.on(now) else None

    def open_breaker(self, now: float, reason: str) -> bool:
        """Whether it was closed before: then operators must be told."""
        with self._write("open_breaker") as connection:
            if switches.find(connection, BREAKER) is not None:
                return False
            switches.switch_on(connection, Switch(BREAKER, now, None, PROGRAM, reason))
            return True

    def breaker(self) -> Switch | None:
        with self._read("breaker") as connection:
            return switches.find(connection, BREAKER)

    def close_breaker(self) -> None:
        with self._write("close_breaker") as connection:
            switches.switch_off(connection, BREAKER)

    # -- who does it --

    def beat(self, executor_id: str) -> None:
        """The process lives: not a change that anybody has to hear of, so `change_token` stays."""
        with errors_named("beat"), self._engine.begin() as connection:
            switches.beat(connection, executor_id)

    def beats(self) -> dict[str, int]:
        """Of each process how often it has told that it lives."""
        with self._read("beats") as connection:
            return switches.beats(connection)

    def bury(self, executor_id: str) -> None:
        """The process is dead, and others have its work."""
        with errors_named("bury"), self._engine.begin() as connection:
            switches.bury(connection, executor_id)
