"""Tells operators about an incident, one hook at a time."""

from collections.abc import Sequence

from detector import log
from detector.records.telling import OPERATORS_TOLD, Happened
from detector.response.grouping import Groups
from detector.response.hooks import Story, Target, event_document
from detector.response.patience import Patience
from detector.response.summary import SUMMARY, summary_document
from detector.response.told import Result, finished_steps, reason_to_ask
from detector.response.tools import Tools
from detector.verdict.explain import explain

OPENED = "incident.opened"
CONTAINED = "incident.contained"
NEEDS_CONFIRMATION = "incident.needs_confirmation"
STEP_FAILED = "incident.step_failed"
CLOSED = "incident.closed"
WAITING = "incident.waiting"  # again: nobody has decided
TERMINATION_PROPOSED = "account.termination_proposed"  # so many strikes: a person decides


class Operators:
    """Writes an event from the records at the moment of telling: a late delivery tells the present state.

    So nothing personal has to be kept with a delivery that waits.
    """

    def __init__(self, tools: Tools, patience: Patience) -> None:
        self._tools = tools
        self._patience = patience
        self._groups = Groups(tools, patience)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(target.hook.name for target in self._tools.providers.hooks)

    def deliver(self, name: str, incident_id: str, kind: str, step: str, happened_at: float) -> bool:
        """Whether the hook has heard it; a hook that is no longer configured hears nothing.

        `step` is the one that the event is about, empty when it is about none; of WAITING, how often it was told.
        """
        target = next((t for t in self._tools.providers.hooks if t.hook.name == name), None)
        if target is None:
            return False
        turn = self._groups.turn(target, incident_id, happened_at)
        if turn is None:
            return True
        delivered = self._tools.metrics.hooks

        def failed(problem: str, final: bool) -> None:
            log.hook_failed(name, problem, final)
            delivered.labels("failed" if final else "retried").inc()

        def tell() -> str:
            if turn.happened:
                return self._tell_summary(target, turn.happened)
            event = self._event(target, incident_id, (kind, step), happened_at)
            return target.hook.deliver(event, ".".join(filter(None, (incident_id, kind, step))))

        words = f"{name}: {SUMMARY if turn.happened else kind}"
        if self._patience.attempt(tell, failed) is None:
            self._note(incident_id, Result.FAILED, words)
            return False
        self._groups.told(target, incident_id, turn)
        delivered.labels("done").inc()
        self._note(incident_id, Result.DONE, words)
        return True

    def _note(self, incident_id: str, result: Result, words: str) -> None:
        """Who looks at the incident sees who has heard of it."""
        records, now = self._tools.records, self._tools.clock()
        self._patience.insist(
            lambda: records.record_step(incident_id, OPERATORS_TOLD, result.value, now, words), "record_step"
        )

    def _tell_summary(self, target: Target, happened: Sequence[Happened]) -> str:
        event = summary_document(happened, target.redaction, self._tools.clock())
        first, last = min(one.number for one in happened), max(one.number for one in happened)
        return target.hook.deliver(event, f"{SUMMARY}.{first}-{last}")

    def _event(self, target: Target, incident_id: str, about: tuple[str, str], happened_at: float) -> dict[str, object]:
        kind, step = about
        event = event_document(kind, self._story(incident_id), target.redaction, happened_at)
        if kind == WAITING:
            event["count"] = int(step.rpartition(".")[2])
        elif step:
            event["step"] = step
        return event

    def _story(self, incident_id: str) -> Story:
        records = self._tools.records
        incident = records.incident(incident_id)
        timeline = records.timeline(incident_id)
        return Story(
            incident,
            explain(incident.verdict),
            len(self._tools.settings.strikes.rule.counting(records.strikes(incident.account), self._tools.clock())),
            finished_steps(timeline),
            reason_to_ask(timeline),
        )
