"""Held mail in SQL, as people see it and decide about it: each function works inside the caller's transaction."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, insert, select, true, update

from detector.records import audit
from detector.records.held_entries import (
    ENDED,
    HeldDecision,
    HeldMessage,
    HeldRecipient,
    HeldSelection,
    HeldState,
    RecipientState,
)
from detector.records.schema import held, incidents, not_closed

OPEN_TO_RELEASE = (HeldState.HELD, HeldState.RELEASING)  # the latter is tried now instead of later
WITH_ITS_INCIDENT = " of the incident"
ALL = true()
OPEN_TO_DISCARD = (HeldState.HELD, HeldState.RELEASING, HeldState.UNDELIVERABLE, HeldState.IN_DOUBT)


def put(connection: Connection, message: HeldMessage) -> bool:
    """Record a message whose file is on disk; False if the same was handed over before, so that we have it already."""
    if was_held(connection, message.digest):
        return False
    opened = select(incidents.c.incident_id).where(incidents.c.account == message.account, not_closed)
    add(connection, replace(message, incident_id=connection.execute(opened).scalar()))
    return True


def was_held(connection: Connection, digest: str) -> bool:
    query = select(held.c.message_id).where(held.c.digest == digest).limit(1)
    return bool(digest) and connection.execute(query).first() is not None


def digests(connection: Connection, spool: str) -> list[str]:
    query = select(held.c.digest).where(held.c.spool == spool, held.c.digest != "").order_by(held.c.held_at)
    return list(connection.execute(query).scalars())


def add(connection: Connection, message: HeldMessage) -> None:
    row = {field.name: getattr(message, field.name) for field in fields(message)}
    connection.execute(insert(held).values(row | {"state": message.state.value}))


def get(connection: Connection, message_id: str) -> HeldMessage | None:
    row = connection.execute(select(held).where(held.c.message_id == message_id)).mappings().first()
    return None if row is None else message_of(row)


def find(
    connection: Connection, selection: HeldSelection, states: Collection[HeldState], limit: int
) -> list[HeldMessage]:
    """Oldest first; a selection without conditions finds all."""
    query = (
        select(held)
        .where(_chosen(selection), in_states(states))
        .order_by(held.c.held_at, held.c.message_id)
        .limit(limit)
    )
    return [message_of(row) for row in connection.execute(query).mappings()]


def like(connection: Connection, prefix: str, limit: int) -> list[str]:
    query = select(held.c.message_id).where(held.c.message_id.startswith(prefix, autoescape=True))
    return list(connection.execute(query.order_by(held.c.message_id).limit(limit)).scalars())


def count(
    connection: Connection, selection: HeldSelection, decision: HeldDecision, besides: ColumnElement[bool] = ALL
) -> int:
    """How many messages the decision would be about."""
    query = select(func.count()).select_from(held).where(_meant(selection, decision), besides)
    return int(connection.execute(query).scalar_one())


# -- people --


def decide(
    connection: Connection,
    selection: HeldSelection,
    decision: HeldDecision,
    told: tuple[str, float, str],
    besides: ColumnElement[bool] = ALL,
) -> int:
    """Carry out what somebody decided (`told`: actor, now, reason) about all that is selected; how many there were.

    `besides` is a condition more, see `thrown_away`.

    Release takes what is held; of one message named also what was discarded or refused, of an incident also what was
    discarded. What may have arrived already is sent only by `RELEASE_AGAIN`. Files that are erased are gone.
    """
    actor, now, reason = told
    where = and_(_meant(selection, decision), besides)
    decided = {"decided_by": actor, "decided_at": now, "reason": reason, "changed_at": now}
    if decision is HeldDecision.DISCARD:
        done = connection.execute(update(held).where(where).values(state=HeldState.DISCARDED.value, **decided)).rowcount
    else:
        _wait_again(connection, where, decision)
        going = {"state": HeldState.RELEASING.value, "next_attempt_at": now, "released_at": now, "attempts": 0}
        done = connection.execute(update(held).where(where).values(**going, **decided, problem="")).rowcount
    audit.append(connection, now, (actor, f"held {decision.value}", str(selection), words(done, reason)))
    return done


def with_its_incident(event: str) -> str:
    """The reason of what became of a message because its incident was decided."""
    return f"{event}{WITH_ITS_INCIDENT}"


def thrown_away(program: str) -> ColumnElement[bool]:
    """What a person discarded as such, and not with its incident; what was kept too long `program` itself discarded."""
    by_hand = and_(held.c.decided_by != program, ~held.c.reason.endswith(WITH_ITS_INCIDENT))
    return and_(held.c.state == HeldState.DISCARDED.value, by_hand)


def _meant(selection: HeldSelection, decision: HeldDecision) -> ColumnElement[bool]:
    if not str(selection):
        return false()
    return and_(_chosen(selection), ~held.c.erased, in_states(_open_to(selection, decision)))


def _open_to(selection: HeldSelection, decision: HeldDecision) -> set[HeldState]:
    if decision is HeldDecision.DISCARD:
        return set(OPEN_TO_DISCARD)
    states = set(OPEN_TO_RELEASE)
    if selection.message or selection.incident:
        states.add(HeldState.DISCARDED)
    if selection.message:
        states.add(HeldState.UNDELIVERABLE)
    if decision is HeldDecision.RELEASE_AGAIN:
        states.add(HeldState.IN_DOUBT)
    return states


def _wait_again(connection: Connection, where: ColumnElement[bool], decision: HeldDecision) -> None:
    """Recipients who were refused are asked again; who may have it already only if that is what was decided."""
    retried = {RecipientState.REFUSED}
    if decision is HeldDecision.RELEASE_AGAIN:
        retried.add(RecipientState.SENDING)
    query = select(held.c.message_id, held.c.recipients).where(where, held.c.state != HeldState.HELD.value)
    for message_id, recipients in connection.execute(query).all():
        asked = tuple(HeldRecipient(one.argument) if one.state in retried else one for one in recipients)
        connection.execute(update(held).where(held.c.message_id == message_id).values(recipients=asked))


def link(connection: Connection, account: str, incident_id: str, program: str) -> None:
    """The account's mail belongs to its incident now. What `program` itself wanted to let go waits for people."""
    connection.execute(
        update(held)
        .where(held.c.account == account, held.c.state == HeldState.RELEASING.value, held.c.decided_by == program)
        .where(held.c.about == "")
        .values(state=HeldState.HELD.value, released_at=None)
    )
    connection.execute(
        update(held)
        .where(held.c.account == account, held.c.incident_id.is_(None), ~in_states(ENDED))
        .values(incident_id=incident_id)
    )


# -- rows --


def _chosen(selection: HeldSelection) -> ColumnElement[bool]:
    columns = {"message": held.c.message_id, "incident": held.c.incident_id}
    columns |= {"account": held.c.account, "fingerprint": held.c.fingerprint}
    wanted = [column == getattr(selection, name) for name, column in columns.items() if getattr(selection, name)]
    return and_(true(), *wanted)


def in_states(states: Collection[HeldState]) -> ColumnElement[bool]:
    return held.c.state.in_([state.value for state in states])


def message_of(row: Mapping[Any, Any]) -> HeldMessage:
    return HeldMessage(**{**row, "state": HeldState(row["state"])})


def words(number: int, reason: str) -> str:
    return ": ".join(filter(None, (f"{number} message{'' if number == 1 else 's'}", reason)))
