"""How long each kind of record is kept, in SQL inside the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, select

from detector.incident.incident import State
from detector.records import audit
from detector.records.held_entries import ENDED
from detector.records.incidents import PROGRAM
from detector.records.schema import audit as audit_table
from detector.records.schema import (
    erasures,
    errands,
    exemptions,
    forgiveness,
    held,
    incidents,
    metadata,
    strikes,
    terminations,
    verdicts,
)

MOST = 500
"""Rows of a kind that one transaction removes: all writers of all processes wait for it."""

ORDERS_KEPT = 90 * 86_400.0
"""Seconds in which a server must have run to erase the profile of an account that was forgotten."""

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How long, in seconds: suspicious verdicts, closed incidents with what belongs to them, the audit log.

    `audit` is 0 for ever.
    An incident whose strike counts (`strikes_fade_after`) stays, whatever its age.
    """

    verdicts: float
    incidents: float
    audit: float
    strikes_fade_after: float


def enforce(connection: Connection, retention: Retention, now: float) -> dict[str, int]:
    """Remove a batch of each kind of what is too old, but the audit log; how much of which kinds."""
    old = now - retention.incidents
    removed = {
        "verdicts": remove(connection, verdicts, verdicts.c.at < now - retention.verdicts),
        "exemptions": remove(connection, exemptions, exemptions.c.until < old),
        "forgiveness": remove(connection, forgiveness, forgiveness.c.at < old),
        "terminations": remove(connection, terminations, and_(terminations.c.at < old, _replaced())),
        "erasures": remove(connection, erasures, erasures.c.at < now - ORDERS_KEPT),
        "incidents": remove_incidents(
            connection, past(connection, incidents.c.changed_at < old, now - retention.strikes_fade_after)
        ),
    }
    return {kind: count for kind, count in removed.items() if count}


def remove(connection: Connection, table: Table, where: ColumnElement[bool]) -> int:
    (key,) = table.primary_key.columns
    some = select(key).where(where).limit(MOST)
    return connection.execute(delete(table).where(key.in_(some))).rowcount


def past(connection: Connection, where: ColumnElement[bool], strikes_since: float) -> Sequence[str]:
    """Closed incidents of which nothing counts or waits any more: no strike, no held mail, nothing to be done."""
    counts = exists().where(strikes.c.incident_id == incidents.c.incident_id, strikes.c.at >= strikes_since)
    waits = exists().where(held.c.incident_id == incidents.c.incident_id, ~_gone())
    open_work = exists().where(errands.c.incident_id == incidents.c.incident_id)
    closed = incidents.c.state == State.CLOSED.value
    query = select(incidents.c.incident_id).where(closed, where, ~counts, ~waits, ~open_work).limit(MOST)
    return connection.execute(query).scalars().all()


def remove_incidents(connection: Connection, incident_ids: Sequence[str]) -> int:
    """With all that belongs to them; how many."""
    for table in reversed(metadata.sorted_tables):
        for key in table.foreign_keys:
            if key.references(incidents):
                connection.execute(delete(table).where(key.parent.in_(incident_ids)))
    return connection.execute(delete(incidents).where(incidents.c.incident_id.in_(incident_ids))).rowcount


def remove_held(connection: Connection, account: str) -> int:
    """What ended of the account's held mail, once its files are erased; how many."""
    return connection.execute(delete(held).where(held.c.account == account, _gone())).rowcount


def _gone() -> ColumnElement[bool]:
    return and_(held.c.erased, held.c.state.in_([state.value for state in ENDED]))


def _replaced() -> ColumnElement[bool]:
    """By a later decision about the same account: the last one says how the account stands."""
    later = terminations.alias()
    return exists().where(later.c.account == terminations.c.account, later.c.number > terminations.c.number)


def cut_audit(connection: Connection, retention: Retention, now: float) -> dict[str, int]:
    """The same for the audit log; once a day at most, because each cut is an entry itself."""
    then = now - retention.audit
    oldest = connection.execute(select(audit_table.c.at).order_by(audit_table.c.number).limit(1)).scalar()
    if oldest is None or oldest >= then - DAY:
        return {}
    count = audit.cut(connection, then, now, PROGRAM)
    return {"audit": count} if count else {}
