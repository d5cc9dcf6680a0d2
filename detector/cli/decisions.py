"""What a person decides about an incident, and the words for what cannot be decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from detector.cli.ends import Impossible
from detector.cli.offenders import Offender, offender
from detector.cli.office import Office
from detector.incident.incident import Event, IllegalTransition, Incident, State
from detector.records.held_entries import HeldDecision, HeldSelection
from detector.records.incidents import PASSWORD_CHANGED
from detector.records.records import TimelineEntry, UnknownIncident
from detector.records.returning import PASSWORD_ISSUED
from detector.verdict.explain import explain

SOME = 5
MANY = 10_000
NOT_CLOSED = (State.OPEN, State.PENDING, State.CONTAINED, State.CONFIRMED)


class Change(StrEnum):
    """How far the change of the password has come."""

    WAITS = "waits"  # for a person
    UNDER_WAY = "under way"  # as long as no result is told; it may not have begun
    DONE = "done"
    NOT_DONE = "not done"  # given up, or not asked for
    ISSUED = "issued"  # done, and the customer has a new one since


RESULTS = {
    PASSWORD_CHANGED: Change.DONE,
    "change_password: failed": Change.NOT_DONE,
    "change_password: skipped": Change.NOT_DONE,
}


@dataclass(frozen=True, slots=True)
class Story:
    """An incident with all that was told about it; `strikes` are those of the account that count.

    `held` is the number of messages that share its fate.
    """

    incident: Incident
    explanation: list[str]
    timeline: list[TimelineEntry]
    strikes: Offender
    held: int


def newest(office: Office, everything: bool, account: str | None, limit: int) -> list[Incident]:
    """Newest first, at most `limit`; only those that are not closed, unless `everything` is asked for."""
    if everything:
        return office.records.incidents(None, account, limit)
    found = [one for state in NOT_CLOSED for one in office.records.incidents(state, account, limit)]
    return sorted(found, key=lambda one: -one.opened_at)[:limit]


def tell(office: Office, incident: Incident) -> Story:
    timeline = office.records.timeline(incident.incident_id)
    held = office.records.count_held(HeldSelection(incident=incident.incident_id), HeldDecision.DISCARD)
    return Story(incident, list(explain(incident.verdict)), timeline, offender(office, incident.account), held)


def password_change(timeline: Sequence[TimelineEntry]) -> Change:
    change = Change.UNDER_WAY
    if any(told.event == PASSWORD_ISSUED for told in timeline):
        return Change.ISSUED
    for told in timeline:
        if told.event in RESULTS:
            return RESULTS[told.event]
        if told.event == Event.APPROVAL_NEEDED:
            change = Change.WAITS
        elif told.event == Event.CONFIRM:
            change = Change.UNDER_WAY
    return change


def find(office: Office, words: str) -> Incident:
    """The incident with this id, or the only one whose id begins so. Raises `Impossible`."""
    try:
        return office.records.incident(words)
    except UnknownIncident:
        pass
    found = office.records.incidents_like(words.lower(), SOME + 1) if words else []
    if not found:
        msg = f"there is no incident {words}; `detector incidents list --all` names them"
        raise Impossible(msg)
    if len(found) > 1:
        some = ", ".join(f"{one.incident_id} ({one.account})" for one in found[:SOME])
        number, more = (f"more than {SOME}", ", ...") if len(found) > SOME else (str(len(found)), "")
        msg = f"{number} incidents begin with {words}: {some}{more}"
        raise Impossible(msg)
    return found[0]


def decide(office: Office, incident: Incident, event: Event, note: str) -> Incident:
    """The incident after a person's decision. Raises `Impossible` in words when it is too late or too early for it."""
    try:
        after, _ = office.records.apply(incident.incident_id, event, office.clock(), office.actor, note)
    except IllegalTransition as error:
        # It may have changed since the caller has read it.
        state = office.records.incident(incident.incident_id).state
        raise Impossible(_why_not(incident, event, state)) from error
    return after


def release(office: Office, account: str, reason: str) -> Incident:
    """Raises `Impossible`."""
    incident_id = office.records.standing().blocks.get(account)
    if incident_id is None:
        msg = f"{account} is not blocked: there is nothing to release"
        raise Impossible(msg)
    incident, timeline = office.records.incident(incident_id), office.records.timeline(incident_id)
    decided = office.records.termination(account)
    if decided is not None and decided.ended:
        msg = (
            f"{decided.actor} has ended the service of {account} ({decided.reason}): its block stays. "
            f"`detector accounts keep {account}` takes that back"
        )
        raise Impossible(msg)
    if incident.state is State.CONFIRMED and password_change(timeline) is Change.UNDER_WAY:
        msg = (
            f"the containment of {account} is still running: its password is not changed yet. Wait until `detector "
            f"incidents show {incident_id}` tells how that ended (only a running server does it), then release. If it "
            f"was a false alarm, `detector incidents dismiss {incident_id}` lifts the block at once"
        )
        raise Impossible(msg)
    return decide(office, incident, Event.RELEASE, reason)


def self_release(office: Office, account: str, code: str) -> Incident:
    """Raises `Impossible`; what is wrong is not told to whom types a wrong code."""
    incident_id = office.records.standing().blocks.get(account)
    if incident_id is None:
        msg = f"{account} is not blocked: there is nothing to release"
        raise Impossible(msg)
    try:
        incident = office.records.self_release(incident_id, code, office.clock(), office.actor)
    except IllegalTransition as error:
        state = office.records.incident(incident_id).state
        msg = f"incident {incident_id} is {state}: the customer cannot end it by a code now"
        raise Impossible(msg) from error
    if incident is None:
        msg = "the code is not right, or it was used, or nobody was offered one"
        raise Impossible(msg)
    return incident


def waiting(office: Office) -> list[Incident]:
    """Incidents whose containment waits for a person, oldest first."""
    return sorted(office.records.incidents(State.PENDING, limit=MANY), key=lambda one: one.opened_at)


def _why_not(incident: Incident, event: Event, state: State) -> str:
    name = f"incident {incident.incident_id} of {incident.account}"
    if state is State.CLOSED:
        return f"{name} is closed: nothing can be decided about it any more"
    if event is Event.RELEASE:
        return (
            f"{name} is not decided yet. Was it abuse? Then first `detector incidents confirm {incident.incident_id}` "
            f"and, when the customer has cleaned up, release. If it was a false alarm, "
            f"`detector incidents dismiss {incident.incident_id}` lifts the block at once"
        )
    if event is Event.APPROVE:
        return f"{name} is {state}: its containment does not wait for anybody"
    return f"{name} is {state} already"
