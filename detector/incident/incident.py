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
    APPROVE = "approve"  # a person lets the containment go on; whether it was abuse is decided later
    STEPS_DONE = "steps_done"
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    RELEASE = "release"
    SELF_RELEASE = "self_release"  # the customer has shown the one-time code of the notice


class Step(StrEnum):
    """What shall be done because of a transition: the first seven by the records at once, the rest by the workflow."""

    COUNT_STRIKE = "count_strike"
    WITHDRAW_STRIKE = "withdraw_strike"
    LIFT_BLOCK = "lift_block"
    RESTORE_PROFILE = "restore_profile"  # it was the customer: what was learned of the mail is right
    BEGIN_PROBATION = "begin_probation"
    RELEASE_HELD = "release_held"
    DISCARD_HELD = "discard_held"
    CONTAIN = "contain"
    ASK_OPERATORS = "ask_operators"
    RELEASE_QUEUE = "release_queue"
    DISCARD_QUEUE = "discard_queue"
    APOLOGISE = "apologise"  # to a customer who was told of an incident that was none


RETURN = (Step.LIFT_BLOCK, Step.RESTORE_PROFILE, Step.RELEASE_HELD, Step.RELEASE_QUEUE, Step.APOLOGISE)
"""What a dismissal does: the account is as it was before."""

PUNISH = (Step.COUNT_STRIKE, Step.DISCARD_HELD, Step.DISCARD_QUEUE)
"""What a confirmation does: a strike, and nobody gets what the thief has sent."""

TRANSITIONS: dict[tuple[State, Event], tuple[State, tuple[Step, ...]]] = {
    (State.OPEN, Event.APPROVAL_NEEDED): (State.PENDING, (Step.ASK_OPERATORS,)),
    (State.OPEN, Event.STEPS_DONE): (State.CONTAINED, ()),
    (State.OPEN, Event.CONFIRM): (State.CONFIRMED, PUNISH),
    (State.OPEN, Event.DISMISS): (State.CLOSED, RETURN),
    (State.PENDING, Event.APPROVE): (State.OPEN, (Step.CONTAIN,)),
    (State.PENDING, Event.CONFIRM): (State.CONFIRMED, (*PUNISH, Step.CONTAIN)),
    (State.PENDING, Event.DISMISS): (State.CLOSED, RETURN),
    (State.CONTAINED, Event.CONFIRM): (State.CONFIRMED, PUNISH),
    (State.CONTAINED, Event.DISMISS): (State.CLOSED, RETURN),
    (State.CONTAINED, Event.SELF_RELEASE): (State.CLOSED, (*PUNISH, Step.LIFT_BLOCK, Step.BEGIN_PROBATION)),
    (State.CONFIRMED, Event.STEPS_DONE): (State.CONFIRMED, ()),
    (State.CONFIRMED, Event.DISMISS): (State.CLOSED, (Step.WITHDRAW_STRIKE, *RETURN)),
    (State.CONFIRMED, Event.RELEASE): (State.CLOSED, (Step.LIFT_BLOCK, Step.BEGIN_PROBATION)),
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
