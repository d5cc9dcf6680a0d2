"""What the records ask the containment to do, in SQL inside the caller's transaction.

An errand is written together with what it comes from: an incident that was opened, or the decision of a person. So
nothing that was decided is forgotten, whoever decided it, and whatever crashed afterwards.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from detector.incident.incident import Event, State, Step
from detector.records.schema import errands, incidents, not_closed, timeline

OPENED = "open"
"""The event of the errand that comes with a new incident."""

FOR_THE_WORKFLOW = frozenset({Step.CONTAIN, Step.RELEASE_QUEUE, Step.DISCARD_QUEUE, Step.APOLOGISE, Step.LIFT_BLOCK})
"""LIFT_BLOCK is done by the records; the workflow tells operators of it."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What shall be done about an incident because of `event`. `run` counts how often it had to wait in between."""

    number: int
    incident_id: str
    event: str
    steps: tuple[Step, ...]
    at: float
    run: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """An incident that is not closed, without its evidence: there may be thousands. Since when it is in its state.

    `trusted` tells why a pending one waits: a trusted one for the circuit breaker, another because of the identity.
    """

    incident_id: str
    trusted: bool
    state: State
    since: float


class Decided(NamedTuple):
    """How many incidents people, or customers with the code of the notice, made abuse of, and how many nothing."""

    confirmed: int
    dismissed: int


def add(connection: Connection, incident_id: str, event: str, steps: Sequence[Step], now: float) -> None:
    """Nothing is written when there is nothing to do."""
    asked = tuple(step for step in steps if step in FOR_THE_WORKFLOW)
    if asked:
        connection.execute(insert(errands).values(incident_id=incident_id, event=event, steps=asked, at=now, run=0))


def first_of_each(connection: Connection, limit: int) -> list[Errand]:
    """The oldest of each incident, oldest first: a later one waits until the earlier one is done."""
    found: dict[str, Errand] = {}
    for row in connection.execute(select(errands).order_by(errands.c.number).limit(limit)).mappings():
        found.setdefault(row["incident_id"], Errand(**row))
    return list(found.values())


def done(connection: Connection, number: int) -> None:
    connection.execute(delete(errands).where(errands.c.number == number))


def put_off(connection: Connection, number: int, run: int) -> None:
    """It had to wait in its run `run`, and will be run again. Twice is once."""
    connection.execute(update(errands).where(errands.c.number == number, errands.c.run == run).values(run=run + 1))


def unresolved(connection: Connection) -> list[Waiting]:
    """Oldest first."""
    columns = (incidents.c.incident_id, incidents.c.trusted, incidents.c.state, incidents.c.changed_at)
    query = select(*columns).where(not_closed).order_by(incidents.c.opened_at, incidents.c.incident_id)
    return [Waiting(row[0], row[1], State(row[2]), row[3]) for row in connection.execute(query)]


def approved_by(connection: Connection, incident_id: str) -> list[str]:
    """Who approved the containment, the program itself included."""
    query = select(timeline.c.actor).where(timeline.c.incident_id == incident_id)
    return [row.actor for row in connection.execute(query.where(timeline.c.event == Event.APPROVE.value))]


def decided_of(connection: Connection, then: float) -> Decided:
    """Of the incidents that were opened since then (Unix seconds)."""
    # An incident may be dismissed after it was confirmed, and never the other way round: of the three words the last
    # in the alphabet is the one that counts.
    events = [event.value for event in (Event.CONFIRM, Event.DISMISS, Event.SELF_RELEASE)]
    query = select(func.max(timeline.c.event)).join(incidents, incidents.c.incident_id == timeline.c.incident_id)
    query = query.where(incidents.c.opened_at >= then, timeline.c.event.in_(events)).group_by(timeline.c.incident_id)
    last = Counter(connection.execute(query).scalars())
    return Decided(last[Event.CONFIRM.value] + last[Event.SELF_RELEASE.value], last[Event.DISMISS.value])
