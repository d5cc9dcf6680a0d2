"""The steps of a containment. Each is tried, told in the timeline and counted; none keeps the next one from running."""

from collections.abc import Callable, Sequence
from enum import StrEnum

from detector import log
from detector.incident.incident import Event, IllegalTransition, Incident, State
from detector.incident.notice import render
from detector.ports import Contact, Refused
from detector.records.records import TimelineEntry
from detector.response.contact import is_hijacked
from detector.response.hooks import Done
from detector.response.patience import Patience
from detector.response.secret import new_password
from detector.response.tools import Tools

CHANGE_PASSWORD = "change_password"
END_SESSIONS = "end_sessions"
NOTIFY_CUSTOMER = "notify_customer"
STEPS = (CHANGE_PASSWORD, END_SESSIONS, NOTIFY_CUSTOMER)


class Result(StrEnum):
    """What came of a step. RETRIED is told for each attempt that failed; the others are the end of it."""

    DONE = "done"
    RETRIED = "retried"
    FAILED = "failed"
    SKIPPED = "skipped"


class Permission(StrEnum):
    """Whether the password may be changed without asking a person."""

    GO = "go"
    ASK = "ask"
    OVER = "over"  # dismissed in the meantime; who confirmed and released wants the password changed


Told = tuple[Result, str]
"""The result of a step, and the word for the timeline."""

HOUR = 3600.0

SENTENCES = {
    CHANGE_PASSWORD: "We replaced the password of the account: the old one no longer works.",
    END_SESSIONS: "We ended all connections that were logged in.",
}
BLOCKED = "We stopped all outgoing mail of the account. Mail to you still arrives."


class Steps:
    """Plain functions on an incident's id. The workflow decides when, and remembers which of them are finished."""

    def __init__(self, tools: Tools, patience: Patience) -> None:
        self._tools = tools
        self._patience = patience

    def ask_permission(self, incident_id: str) -> Permission:
        """Only a trusted identity, and only so many an hour; a person's confirmation is permission enough."""
        while True:
            incident = self._incident(incident_id)
            match incident.state:
                case State.CLOSED:
                    return Permission.OVER if self._dismissed(incident) else Permission.GO
                case State.PENDING:
                    return Permission.ASK
                case State.CONFIRMED | State.CONTAINED:
                    return Permission.GO
            reason = self._reason_to_ask(incident)
            if not reason:
                return Permission.GO
            # A person may decide at the same moment: then the transition is refused, and we look again.
            if self.advance(incident_id, Event.APPROVAL_NEEDED, reason):
                return Permission.ASK

    def change_password(self, incident_id: str) -> Result:
        """Sets a password that nobody knows, not even we: it is drawn here and forgotten when this returns."""
        provider = self._tools.providers.password

        def change(incident: Incident) -> Told:
            if provider is None:
                return Result.SKIPPED, "no password provider is configured"
            request_id = _request_id(incident_id, CHANGE_PASSWORD)
            return Result.DONE, provider.change_password(incident.account, new_password(), request_id)

        return self._perform(incident_id, CHANGE_PASSWORD, change)

    def end_sessions(self, incident_id: str) -> Result:
        ender = self._tools.providers.sessions

        def end(incident: Incident) -> Told:
            if ender is None:
                return Result.SKIPPED, "no session provider is configured"
            return Result.DONE, ender.end_sessions(incident.account, _request_id(incident_id, END_SESSIONS))

        return self._perform(incident_id, END_SESSIONS, end)

    def notify_customer(self, incident_id: str) -> Result:
        """One notice for each incident, to an address that the thief does not read."""
        providers = self._tools.providers
        notifier = providers.notifier

        def notify(incident: Incident) -> Told:
            if notifier is None:
                return Result.SKIPPED, "no notice is configured"
            contact = self._contact(incident)
            notice = render(providers.template, incident, self._sentences(incident_id), providers.contact)
            return Result.DONE, notifier.send(notice, contact, _request_id(incident_id, NOTIFY_CUSTOMER))

        return self._perform(incident_id, NOTIFY_CUSTOMER, notify)

    def advance(self, incident_id: str, event: Event, detail: str = "") -> bool:
        """Whether the event happened now; False when somebody else, or we before a crash, were first."""
        try:
            incident, _ = self._patience.insist(
                lambda: self._tools.records.apply(incident_id, event, self._tools.clock(), "detector", detail),
                "apply",
            )
        except IllegalTransition:
            return False
        log.incident_changed(incident_id, incident.account, incident.state.value, event.value)
        return True

    def closed(self, incident_id: str) -> bool:
        return self._incident(incident_id).state is State.CLOSED

    def _reason_to_ask(self, incident: Incident) -> str:
        if not incident.trusted:
            return "the identity of the sender is not trusted"
        if self._tools.providers.password is None:
            return ""
        limit = self._tools.settings.password_changes_per_hour
        records, now = self._tools.records, self._tools.clock()
        claimed = self._patience.insist(
            lambda: records.claim_password_change(incident.incident_id, now, limit), "claim_password_change"
        )
        if claimed:
            return ""
        changes = self._patience.insist(lambda: records.password_changes_since(now - HOUR), "password_changes_since")
        log.breaker_open(changes, limit)
        return f"{limit} passwords were changed within an hour"

    def _perform(self, incident_id: str, step: str, action: Callable[[Incident], Told]) -> Result:
        """Do a step to its end. A step that the timeline tells as finished is not done twice.

        The timeline is asked because a crash may come after the act and before the workflow has heard of it.
        """
        for done in finished_steps(self._timeline(incident_id)):
            if done.step == step:
                return Result(done.result)
        problems: list[str] = []

        def attempt() -> Told:
            incident = self._incident(incident_id)
            return (Result.SKIPPED, "dismissed") if self._dismissed(incident) else action(incident)

        def failed(problem: str, final: bool) -> None:
            problems.append(problem)
            log.step_failed(incident_id, step, problem, final)
            if not final:
                self._tell(incident_id, step, Result.RETRIED, problem)

        result, detail = self._patience.attempt(attempt, failed) or (Result.FAILED, problems[-1])
        if result is Result.DONE:
            self._measure(incident_id, step)
        return self._tell(incident_id, step, result, detail)

    def _tell(self, incident_id: str, step: str, result: Result, detail: str) -> Result:
        records, now = self._tools.records, self._tools.clock()
        self._tools.metrics.steps.labels(step, result.value).inc()
        if result is not Result.RETRIED:
            log.step_done(incident_id, step, result.value)
        self._patience.insist(lambda: records.record_step(incident_id, step, result.value, now, detail), "record_step")
        return result

    def _measure(self, incident_id: str, step: str) -> None:
        metrics = self._tools.metrics
        times = {CHANGE_PASSWORD: metrics.time_to_password_change, NOTIFY_CUSTOMER: metrics.time_to_notice}
        if step in times:
            times[step].observe(max(0.0, self._tools.clock() - self._incident(incident_id).opened_at))

    def _contact(self, incident: Incident) -> Contact:
        directory = self._tools.providers.directory
        contact = None if directory is None else directory.contact(incident.account)
        if contact is None:
            msg = "the customer directory does not know the account"
            raise Refused(msg)
        if is_hijacked(contact.address, incident.account):
            msg = "the contact address is the hijacked mailbox itself: the thief would read the notice"
            raise Refused(msg)
        return contact

    def _sentences(self, incident_id: str) -> Sequence[str]:
        done = {d.step for d in finished_steps(self._timeline(incident_id)) if d.result == Result.DONE}
        return [BLOCKED, *(sentence for step, sentence in SENTENCES.items() if step in done)]

    def _dismissed(self, incident: Incident) -> bool:
        return incident.state is State.CLOSED and not was_released(self._timeline(incident.incident_id))

    def _incident(self, incident_id: str) -> Incident:
        return self._patience.insist(lambda: self._tools.records.incident(incident_id), "incident")

    def _timeline(self, incident_id: str) -> Sequence[TimelineEntry]:
        return self._patience.insist(lambda: self._tools.records.timeline(incident_id), "timeline")


def reason_to_ask(timeline: Sequence[TimelineEntry]) -> str:
    """Why a person was asked before the password was changed; empty when nobody was."""
    return next((entry.detail for entry in timeline if entry.event == Event.APPROVAL_NEEDED), "")


def was_released(timeline: Sequence[TimelineEntry]) -> bool:
    """Whether the incident was closed because the customer has cleaned up, and not because it was none."""
    return any(entry.event == Event.RELEASE for entry in timeline)


def finished_steps(timeline: Sequence[TimelineEntry]) -> list[Done]:
    """The steps that came to an end, in their order."""
    return [done for entry in timeline if (done := _finished(entry)) is not None]


def _finished(entry: TimelineEntry) -> Done | None:
    """The step that an entry tells the end of: `Records.record_step` writes `step: result`."""
    step, _, result = entry.event.partition(": ")
    if step not in STEPS or result in ("", Result.RETRIED):
        return None
    return Done(step, result, entry.detail)


def _request_id(incident_id: str, step: str) -> str:
    return f"{incident_id}.{step}"
