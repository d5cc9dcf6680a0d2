"""Incidents in SQL: each function works inside the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from detector.incident.incident import Event, IllegalTransition, Incident, State, Step, advance
from detector.incident.strike import Strike
from detector.records import audit, errands, held, way_back
from detector.records.entries import TimelineEntry, UnknownIncident
from detector.records.held_entries import HeldDecision, HeldSelection
from detector.records.schema import counters, forgiveness, incidents, not_closed, password_changes, strikes, timeline

PROGRAM = "detector"
"""The actor of what no person did."""

PASSWORD_CHANGED = "change_password: done"
"""The event of the timeline after which the old password is void."""

HOUR = 3600.0


def open_incident(connection: Connection, incident: Incident) -> Incident:
    """Write it, unless its account has one that is not closed: then that one is the answer."""
    row = (
        connection.execute(select(incidents).where(incidents.c.account == incident.account, not_closed))
        .mappings()
        .first()
    )
    if row is None:
        # The same incident again, after it was closed: a caller that did not hear our answer tried once more.
        row = (
            connection.execute(select(incidents).where(incidents.c.incident_id == incident.incident_id))
            .mappings()
            .first()
        )
    if row is not None:
        return _incident(row)
    values = {name: getattr(incident, name) for name in incidents.c.keys()}  # noqa: SIM118 - not a dict
    connection.execute(insert(incidents).values(values | {"state": incident.state.value}))
    _tell(connection, incident.incident_id, TimelineEntry(incident.opened_at, PROGRAM, "opened", ""))
    audit.append(connection, incident.opened_at, (PROGRAM, "open", incident.incident_id, incident.account))
    held.link(connection, incident.account, incident.incident_id, PROGRAM)
    errands.add(connection, incident.incident_id, errands.OPENED, (Step.CONTAIN,), incident.opened_at)
    return incident


def get(connection: Connection, incident_id: str) -> Incident:
    row = connection.execute(select(incidents).where(incidents.c.incident_id == incident_id)).mappings().first()
    if row is None:
        raise UnknownIncident(incident_id)
    return _incident(row)


def newest(connection: Connection, state: State | None, account: str | None, limit: int) -> list[Incident]:
    query = select(incidents).order_by(incidents.c.opened_at.desc(), incidents.c.incident_id).limit(limit)
    if state is not None:
        query = query.where(incidents.c.state == state.value)
    if account is not None:
        query = query.where(incidents.c.account == account)
    return [_incident(row) for row in connection.execute(query).mappings()]


def like(connection: Connection, prefix: str, limit: int) -> list[Incident]:
    query = select(incidents).where(incidents.c.incident_id.startswith(prefix, autoescape=True))
    query = query.order_by(incidents.c.opened_at.desc(), incidents.c.incident_id).limit(limit)
    return [_incident(row) for row in connection.execute(query).mappings()]


def apply(
    connection: Connection, incident_id: str, event: Event, told: TimelineEntry
) -> tuple[Incident, tuple[Step, ...]]:
    """Advance the incident by an event that `told` is the timeline entry of."""
    before = get(connection, incident_id)
    _refuse_to_release_what_ended(connection, before, event)
    incident, steps = advance(before, event, told.at)
    connection.execute(
        update(incidents)
        .where(incidents.c.incident_id == incident_id)
        .values(state=incident.state.value, changed_at=incident.changed_at)
    )
    if Step.COUNT_STRIKE in steps:
        connection.execute(insert(strikes).values(incident_id=incident_id, account=incident.account, at=told.at))
    if Step.WITHDRAW_STRIKE in steps:
        connection.execute(delete(strikes).where(strikes.c.incident_id == incident_id))
    if Step.LIFT_BLOCK in steps:
        # The number of this very transaction: it only grows, and no other transaction has it.
        sequence = select(counters.c.changes).scalar_subquery()
        probation = Step.BEGIN_PROBATION in steps
        values = {"sequence": sequence, "account": incident.account, "at": told.at, "probation": probation}
        connection.execute(insert(forgiveness).values(values))
    errands.add(connection, incident_id, event.value, steps, told.at)
    _tell(connection, incident_id, told)
    _decide_about_held_mail(connection, incident_id, steps, told)
    audit.append(connection, told.at, (told.actor, event.value, incident_id, told.detail))
    return incident, steps


HELD_MAIL = {Step.RELEASE_HELD: HeldDecision.RELEASE, Step.DISCARD_HELD: HeldDecision.DISCARD}
HELD_MAIL_TOLD = {HeldDecision.RELEASE: "held_mail: released", HeldDecision.DISCARD: "held_mail: discarded"}
"""Events of the timeline; the detail is the number of messages."""


def _decide_about_held_mail(
    connection: Connection, incident_id: str, steps: Sequence[Step], told: TimelineEntry
) -> None:
    selection, besides = HeldSelection(incident=incident_id), ~held.thrown_away(PROGRAM)
    for decision in (HELD_MAIL[step] for step in steps if step in HELD_MAIL):
        if held.count(connection, selection, decision, besides):
            why = (told.actor, told.at, held.with_its_incident(told.event))
            number = held.words(held.decide(connection, selection, decision, why, besides), "")
            _tell(connection, incident_id, TimelineEntry(told.at, PROGRAM, HELD_MAIL_TOLD[decision], number))


def _refuse_to_release_what_ended(connection: Connection, incident: Incident, event: Event) -> None:
    decided = way_back.ended(connection, incident.account)
    if decided is not None and event in {Event.RELEASE, Event.SELF_RELEASE}:
        msg = f"{decided.actor} has ended the service of {incident.account}: {event} is not possible"
        raise IllegalTransition(msg)


def record_step(connection: Connection, incident_id: str, told: TimelineEntry) -> None:
    """The end of a step, which has a time of its beginning, is told once: two processes may have done the same step."""
    incident = get(connection, incident_id)
    if told.began_at is not None and _has_ended(connection, incident_id, told.event):
        return
    _tell(connection, incident_id, told)
    if told.event == PASSWORD_CHANGED:
        detail = ": ".join(filter(None, (incident.account, told.detail)))
        audit.append(connection, told.at, (told.actor, "change_password", incident_id, detail))


def story(connection: Connection, incident_id: str) -> list[TimelineEntry]:
    get(connection, incident_id)
    columns = (timeline.c.at, timeline.c.actor, timeline.c.event, timeline.c.detail, timeline.c.began_at)
    query = select(*columns).where(timeline.c.incident_id == incident_id).order_by(timeline.c.number)
    return [TimelineEntry(*row) for row in connection.execute(query)]


def strikes_of(connection: Connection, account: str, since: float) -> list[Strike]:
    query = select(strikes).where(strikes.c.account == account, strikes.c.at >= since).order_by(strikes.c.at)
    return [Strike(**row) for row in connection.execute(query).mappings()]


def claim_password_change(connection: Connection, incident_id: str, now: float, limit: int) -> bool:
    """Whether this incident may change a password now: at most `limit` do within an hour, and once is for ever."""
    get(connection, incident_id)
    mine = select(password_changes.c.at).where(password_changes.c.incident_id == incident_id)
    if connection.execute(mine).first() is not None:
        return True
    if password_changes_since(connection, now - HOUR) >= limit:
        return False
    connection.execute(insert(password_changes).values(incident_id=incident_id, at=now))
    return True


def password_changes_since(connection: Connection, then: float) -> int:
    query = select(func.count()).select_from(password_changes).where(password_changes.c.at > then)
    return int(connection.execute(query).scalar_one())


def _incident(row: Mapping[Any, Any]) -> Incident:
    return Incident(**{**row, "state": State(row["state"])})


def _has_ended(connection: Connection, incident_id: str, event: str) -> bool:
    """Asked one after the other: the incident's row is locked until the transaction ends."""
    this = incidents.c.incident_id == incident_id
    connection.execute(update(incidents).where(this).values(changed_at=incidents.c.changed_at))
    same = (timeline.c.incident_id == incident_id) & (timeline.c.event == event) & timeline.c.began_at.is_not(None)
    return connection.execute(select(timeline.c.number).where(same).limit(1)).first() is not None


def _tell(connection: Connection, incident_id: str, told: TimelineEntry) -> None:
    connection.execute(insert(timeline).values(incident_id=incident_id, **asdict(told)))
