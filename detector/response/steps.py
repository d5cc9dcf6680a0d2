"""The steps of a containment. Each is tried, told in the timeline and counted; none keeps the next one from running."""

from collections.abc import Callable, Sequence

from detector import log
from detector.incident.incident import Incident
from detector.records.records import TimelineEntry
from detector.response.calls import Calls
from detector.response.customer import Customers
from detector.response.patience import Patience
from detector.response.plan import (
    APOLOGISE,
    CHANGE_PASSWORD,
    CONTAINING,
    DISCARD_QUEUE,
    END_SESSIONS,
    HOLD_QUEUE,
    NOTIFY_CUSTOMER,
    PLANS,
    RELEASE_QUEUE,
    REVOKE_APP_PASSWORDS,
    Plan,
)
from detector.response.secret import new_password
from detector.response.told import TRIED, Result, finished_steps, is_dismissed, result_of
from detector.response.tools import Tools

Told = tuple[Result, str]
"""The result of a step, and the word for the timeline."""


def _skip(reason: str) -> Told:
    return Result.SKIPPED, reason


class Steps:
    """Functions on an incident's id. The workflow decides when, and remembers which of them are finished."""

    def __init__(self, tools: Tools, patience: Patience, calls: Calls) -> None:
        self._tools = tools
        self._patience = patience
        self._calls = calls
        self._customers = Customers(tools)
        for step in PLANS:  # what has not failed yet is 0, not absent
            for result in Result:
                tools.metrics.steps.labels(step, result.value)
        self._acts: dict[str, Callable[[Incident], Told]] = {
            CHANGE_PASSWORD.step: self._change_password,
            REVOKE_APP_PASSWORDS.step: self._revoke_app_passwords,
            END_SESSIONS.step: self._end_sessions,
            HOLD_QUEUE.step: self._hold_queue,
            NOTIFY_CUSTOMER.step: self._notify_customer,
            RELEASE_QUEUE.step: self._release_queue,
            DISCARD_QUEUE.step: self._discard_queue,
            APOLOGISE.step: self._apologise,
        }

    def perform(self, incident_id: str, step: str) -> Result:
        """Do a step to its end. A step that the timeline tells as finished is not done twice.

        The timeline is asked because a crash may come after the act and before the workflow has heard of it, and before
        each attempt, because we may have been stopped for so long that another process has taken over: a late second
        password would replace the one that the customer has been given since.
        """
        plan = PLANS[step]
        before = result_of(self._timeline(incident_id), step)
        if before is not None:
            return before
        began_at = self._tools.clock()
        result, detail = self._try(incident_id, plan)
        elsewhere = result_of(self._timeline(incident_id), step)
        if elsewhere is not None:
            return elsewhere
        if result is Result.DONE:
            self._measure(incident_id, plan)
        return self._tell(incident_id, plan, result, detail, began_at)

    # -- what each of them does; in a thread of its own --

    def _change_password(self, incident: Incident) -> Told:
        """Sets a password that nobody knows, not even we: it is drawn here and forgotten when this returns."""
        provider = self._tools.providers.password
        if provider is None:
            return _skip("no password provider is configured")
        key = CHANGE_PASSWORD.key(incident.incident_id)
        return Result.DONE, provider.change_password(incident.account, new_password(), key)

    def _revoke_app_passwords(self, incident: Incident) -> Told:
        revoker = self._tools.providers.app_passwords
        if revoker is None:
            return _skip("no provider of app passwords is configured")
        key = REVOKE_APP_PASSWORDS.key(incident.incident_id)
        return Result.DONE, revoker.revoke_app_passwords(incident.account, key)

    def _end_sessions(self, incident: Incident) -> Told:
        ender = self._tools.providers.sessions
        if ender is None:
            return _skip("no session provider is configured")
        return Result.DONE, ender.end_sessions(incident.account, END_SESSIONS.key(incident.incident_id))

    def _hold_queue(self, incident: Incident) -> Told:
        queue = self._tools.providers.queue
        if queue is None:
            return _skip("no mail queue is configured")
        return Result.DONE, queue.hold(incident.account, HOLD_QUEUE.key(incident.incident_id))

    def _notify_customer(self, incident: Incident) -> Told:
        """One notice for each incident, and so many a month."""
        if not self._customers.can_be_told:
            return _skip("no notice is configured")
        reason = self._customers.too_many(incident)
        if reason:
            return _skip(reason)
        return Result.DONE, self._customers.tell(NOTIFY_CUSTOMER, incident, self._done(incident))

    def _release_queue(self, incident: Incident) -> Told:
        queue = self._tools.providers.queue
        if queue is None or not self._was_held(incident):
            return _skip("nothing was held in the queue")
        return Result.DONE, queue.release(incident.account, RELEASE_QUEUE.key(incident.incident_id))

    def _discard_queue(self, incident: Incident) -> Told:
        queue = self._tools.providers.queue
        if queue is None or not self._was_held(incident):
            return _skip("nothing was held in the queue")
        return Result.DONE, queue.discard(incident.account, DISCARD_QUEUE.key(incident.incident_id))

    def _apologise(self, incident: Incident) -> Told:
        done = self._done(incident)
        if NOTIFY_CUSTOMER.step not in done or not self._customers.can_be_told:
            return _skip("no notice had gone out")
        return Result.DONE, self._customers.tell(APOLOGISE, incident, done)

    # -- how --

    def _try(self, incident_id: str, plan: Plan) -> Told:
        if plan.step in self._tools.settings.dry_run.steps:
            return Result.DRY_RUN, f"would have {plan.does}"
        problems: list[str] = []
        key = plan.key(incident_id)

        def attempt() -> Told:
            incident, timeline = self._incident(incident_id), self._timeline(incident_id)
            if result_of(timeline, plan.step) is not None:
                return _skip("another process has done it")
            # What a person has dismissed is not done any more; what the dismissal itself brings is.
            if plan in CONTAINING and is_dismissed(incident, timeline):
                return _skip("dismissed")
            limit = plan.limit(self._tools.settings)
            return self._calls.call(plan.step, key, lambda: self._acts[plan.step](incident), limit)

        def failed(problem: str, final: bool) -> None:
            problems.append(problem)
            log.step_failed(incident_id, plan.step, problem, final)
            if not final:
                self._tell(incident_id, plan, Result.RETRIED, problem)

        told = self._patience.attempt(attempt, failed)
        self._calls.forget(key)
        return told or (Result.FAILED, problems[-1])

    def _tell(self, incident_id: str, plan: Plan, result: Result, detail: str, began_at: float | None = None) -> Result:
        records, now = self._tools.records, self._tools.clock()
        self._tools.metrics.steps.labels(plan.step, result.value).inc()
        if result is not Result.RETRIED:
            log.step_done(incident_id, plan.step, result.value)
        self._patience.insist(
            lambda: records.record_step(incident_id, plan.step, result.value, now, detail, began_at=began_at),
            "record_step",
        )
        return result

    def _measure(self, incident_id: str, plan: Plan) -> None:
        metrics = self._tools.metrics
        times = {CHANGE_PASSWORD: metrics.time_to_password_change, NOTIFY_CUSTOMER: metrics.time_to_notice}
        if plan in times:
            took = max(0.0, self._tools.clock() - self._incident(incident_id).opened_at)
            times[plan].observe(took, {"incident": incident_id})

    # -- what has happened so far --

    def _was_held(self, incident: Incident) -> bool:
        return result_of(self._timeline(incident.incident_id), HOLD_QUEUE.step) in TRIED

    def _done(self, incident: Incident) -> list[str]:
        steps = finished_steps(self._timeline(incident.incident_id))
        return [done.step for done in steps if done.result == Result.DONE]

    def _incident(self, incident_id: str) -> Incident:
        return self._patience.insist(lambda: self._tools.records.incident(incident_id), "incident")

    def _timeline(self, incident_id: str) -> Sequence[TimelineEntry]:
        return self._patience.insist(lambda: self._tools.records.timeline(incident_id), "timeline")
