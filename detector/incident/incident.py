"""An incident: an account that is considered taken over, from the verdict to the last decision of a person."""

from dataclasses import dataclass, replace
from enum import StrEnum

from detector.verdict.verdict import Verdict


class State(StrEnum):
    """Where an incident stands. While it is not CLOSED, the account is blocked at the hop."""

    OPEN = "open"  # the containment workflow runs
    PENDING = "pending"  # a person must confirm before the password is changed
    CONTAINED = "contained"  # every step is done or given up; waits for a person
    CONFIRMED = "confirmed"  # a person says it was abuse: a strike; waits for the release
    CLOSED = "closed"


class Event(StrEnum):
    """What happens to an incident."""

    APPROVAL_NEEDED = "approval_needed"  # identity not trusted, or too many password changes this hour
    STEPS_DONE = "steps_done"
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    RELEASE = "release"


class Step(StrEnum):
    """What shall be done because of a transition."""

    CONTAIN = "contain"
    ASK_OPERATORS = "ask_operators"
    COUNT_STRIKE = "count_strike"
    WITHDRAW_STRIKE = "withdraw_strike"
    LIFT_BLOCK = "lift_block"


TRANSITIONS: dict[tuple[State, Event], tuple[State, tuple[Step, ...]]] = {
    (State.OPEN, Event.APPROVAL_NEEDED): (State.PENDING, (Step.ASK_OPERATORS,)),
    (State.OPEN, Event.STEPS_DONE): (State.CONTAINED, ()),
    (State.OPEN, Event.CONFIRM): (State.CONFIRMED, (Step.COUNT_STRIKE,)),
    (State.OPEN, Event.DISMISS): (State.CLOSED, (Step.LIFT_BLOCK,)),
    (State.PENDING, Event.CONFIRM): (State.CONFIRMED, (Step.COUNT_STRIKE, Step.CONTAIN)),
    (State.PENDING, Event.DISMISS): (State.CLOSED, (Step.LIFT_BLOCK,)),
    (State.CONTAINED, Event.CONFIRM): (State.CONFIRMED, (Step.COUNT_STRIKE,)),
    (State.CONTAINED, Event.DISMISS): (State.CLOSED, (Step.LIFT_BLOCK,)),
    (State.CONFIRMED, Event.STEPS_DONE): (State.CONFIRMED, ()),
    (State.CONFIRMED, Event.DISMISS): (State.CLOSED, (Step.WITHDRAW_STRIKE, Step.LIFT_BLOCK)),
    (State.CONFIRMED, Event.RELEASE): (State.CLOSED, (Step.LIFT_BLOCK,)),
}


class IllegalTransition(Exception):
    """The event cannot happen in this state; the text says what can."""


@dataclass(frozen=True, slots=True)
class Incident:
    """`trusted` tells whether the identity could be believed; `transaction_id` names the mail that tipped the scale.

    Times are in Unix seconds. `facts` are short, harmless words about the mail for people (no recipient addresses).
    """

    incident_id: str
    account: str
    trusted: bool
    state: State
    opened_at: float
    changed_at: float
    verdict: Verdict
    transaction_id: str
    facts: dict[str, str]


def advance(incident: Incident, event: Event, now: float) -> tuple[Incident, tuple[Step, ...]]:
    """The incident after the event, and what shall be done about it. Raises `IllegalTransition`."""
    transition = TRANSITIONS.get((incident.state, event))
    if transition is None:
        possible = ", ".join(sorted(e for s, e in TRANSITIONS if s == incident.state)) or "nothing"
        msg = f"incident {incident.incident_id} is {incident.state}: {event} is not possible, only {possible}"
        raise IllegalTransition(msg)
    state, steps = transition
    return replace(incident, state=state, changed_at=now), steps
