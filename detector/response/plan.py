"""The steps of a containment, one row for each: what it does, how long it may take, its key, and how it is undone.

The table is the documentation: `detector response steps` prints it, with the retries that `[response.retry]` sets.
"""

from dataclasses import dataclass

from detector.config import Response, StepName

GRACE = 10.0
"""Seconds that a provider has beyond the time-out that is configured for it, to say itself what was wrong."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One step. `does` completes the sentence "it would have ...".

    `section` is the part of `[response]` that acts; `time_limit` (seconds) ends an attempt whose provider hangs.
    `undone_by` names the step that a dismissal brings; otherwise `undone_how` says what a person does.
    """

    step: StepName
    does: str
    section: str
    time_limit: float
    undone_by: StepName | None = None
    undone_how: str = ""

    def key(self, incident_id: str) -> str:
        """The idempotency key, the same for each attempt, in each process."""
        return f"{incident_id}.{self.step}"

    def limit(self, settings: Response) -> float:
        """Seconds that one attempt may take: where there are several providers, they are asked one after the other."""
        part = getattr(settings, self.section)
        own: float = sum(getattr(one, "timeout", 0.0) for one in (part if isinstance(part, tuple) else (part,)))
        return max(self.time_limit, own + GRACE)


CHANGE_PASSWORD = Plan(
    "change_password",
    "replaced the password by one that nobody knows",
    "password",
    60.0,
    undone_how="cannot be undone: `detector password issue ACCOUNT` gives the customer a new one",
)
REVOKE_APP_PASSWORDS = Plan(
    "revoke_app_passwords",
    "revoked the passwords of single programs",
    "app_passwords",
    60.0,
    undone_how="cannot be undone: the customer makes new ones",
)
END_SESSIONS = Plan(
    "end_sessions",
    "forgotten cached logins and ended open sessions",
    "sessions",
    60.0,
    undone_how="need not be undone: programs log in again",
)
HOLD_QUEUE = Plan("hold_queue", "held the mail that waits in the queue", "queue", 120.0, undone_by="release_queue")
NOTIFY_CUSTOMER = Plan("notify_customer", "sent the notice to the customer", "notice", 60.0, undone_by="apologise")

RELEASE_QUEUE = Plan(
    "release_queue", "released the mail in the queue", "queue", 120.0, undone_how="cannot be undone: it is sent"
)
DISCARD_QUEUE = Plan(
    "discard_queue", "deleted the held mail in the queue", "queue", 120.0, undone_how="cannot be undone: it is gone"
)
APOLOGISE = Plan("apologise", "apologised to the customer", "notice", 60.0, undone_how="need not be undone")

CONTAINING = (CHANGE_PASSWORD, REVOKE_APP_PASSWORDS, END_SESSIONS, HOLD_QUEUE, NOTIFY_CUSTOMER)
"""In their order. Operators are told before the first, and after the last."""

SETTLING = (RELEASE_QUEUE, DISCARD_QUEUE, APOLOGISE)
"""What the decision of a person brings."""

PLANS: dict[str, Plan] = {plan.step: plan for plan in (*CONTAINING, *SETTLING)}


def rows(settings: Response) -> list[dict[str, str]]:
    """The table in words, with what the configuration sets."""
    retry = settings.retry
    return [
        {
            "step": plan.step,
            "does": plan.does,
            "by": f"response.{plan.section}" if getattr(settings, plan.section) else "nothing: it is skipped",
            "time limit": f"{plan.limit(settings):g} s for each attempt",
            "attempts": f"{retry.attempts}; waits of {retry.first_wait:g} s, doubled up to {retry.longest_wait:g} s",
            "key": plan.key("INCIDENT"),
            "undone": f"by the step {plan.undone_by}" if plan.undone_by else plan.undone_how,
            "dry run": "yes: it is only told" if plan.step in settings.dry_run.steps else "",
        }
        for plan in PLANS.values()
    ]
