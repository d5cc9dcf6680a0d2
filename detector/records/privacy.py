"""What customers may ask for, in SQL inside the caller's transaction: all that is recorded, corrections, erasure.

The sections of the law (GDPR): access in article 15, correction in 16, erasure in 17. The audit log is not erased: that
somebody looked or decided, and about whom, is what employees answer for (article 5 (2), 17 (3) b and e).
"""

import re
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, or_, select

from detector.records import audit, retention
from detector.records.engine import snapshot
from detector.records.entries import Erasure, TimelineEntry
from detector.records.incidents import record_step
from detector.records.schema import audit as audit_log
from detector.records.schema import (
    cohorts,
    counters,
    erasures,
    exemptions,
    forgiveness,
    held,
    incidents,
    metadata,
    strikes,
    verdicts,
)

OURS = {
    "self_releases": {"salt", "code_hash"},
    "held": {"spool", "digest", "key_id", "transaction", "evidence"},
}
"""Columns that say nothing about a person and are better not handed out."""

WITHDRAWN = "strike withdrawn"
CORRECTED = "correction"


def all_about(connection: Connection, account: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of every table that are about the account, by table, with the audit entries that name it.

    A table that a later version adds is in it too, as long as it has a column `account` or `incident_id`.
    """
    snapshot(connection)
    ids = connection.execute(select(incidents.c.incident_id).where(incidents.c.account == account)).scalars().all()
    found = {}
    for table in metadata.sorted_tables:
        where = _about(table, account, ids)
        if where is not None:
            columns = [column for column in table.c if column.name not in OURS.get(table.name, ())]
            query = select(*columns).where(where).order_by(*table.primary_key.columns)
            found[table.name] = [dict(row) for row in connection.execute(query).mappings()]
    # The database finds `ann` in `joann` too: that would be about somebody else.
    named = re.compile(rf"(?<![^\s:,;(]){re.escape(account)}(?![^\s:,;)])")
    subjects = {account, *ids, *(row["message_id"] for row in found["held"])}
    found["audit"] = [row for row in found["audit"] if row["subject"] in subjects or named.search(row["detail"])]
    return found


def withdraw_strike(connection: Connection, incident_id: str, told: TimelineEntry) -> bool:
    """Whether there was one."""
    if connection.execute(delete(strikes).where(strikes.c.incident_id == incident_id)).rowcount == 0:
        return False
    record_step(connection, incident_id, told)
    audit.append(connection, told.at, (told.actor, told.event, incident_id, told.detail))
    return True


def correct(connection: Connection, incident_id: str, told: TimelineEntry) -> None:
    """What was written stays readable; the correction stands beside it."""
    record_step(connection, incident_id, told)
    audit.append(connection, told.at, (told.actor, told.event, incident_id, told.detail))


def erase_profile(connection: Connection, account: str, at: float) -> None:
    """Tell all servers to forget what they have learned about the account."""
    # The number of this very transaction: it only grows, and no other transaction has it.
    sequence = select(counters.c.changes).scalar_subquery()
    connection.execute(insert(erasures).values(sequence=sequence, account=account, at=at))


def erasures_since(connection: Connection, sequence: int) -> list[Erasure]:
    query = select(erasures).where(erasures.c.sequence > sequence).order_by(erasures.c.sequence)
    return [Erasure(**row) for row in connection.execute(query).mappings()]


def forget(
    connection: Connection, account: str, now: float, closed_before: float, strikes_since: float
) -> dict[str, int]:
    """Erase what no duty keeps; how much of each kind. Of incidents those closed before, of which nothing counts."""
    erase_profile(connection, account, now)
    removed = {
        table.name: connection.execute(delete(table).where(table.c.account == account)).rowcount
        for table in (verdicts, exemptions, cohorts, forgiveness)
    }
    removed["held"] = retention.remove_held(connection, account)
    where = (incidents.c.account == account) & (incidents.c.changed_at < closed_before)
    removed["incidents"] = 0
    while some := retention.past(connection, where, strikes_since):
        removed["incidents"] += retention.remove_incidents(connection, some)
    return removed


def left(connection: Connection, account: str) -> dict[str, int]:
    """How much is still recorded about the account, by table, beside the audit log."""
    found = all_about(connection, account)
    return {table: len(rows) for table, rows in found.items() if rows and table not in {"audit", "erasures"}}


def _about(table: Table, account: str, ids: Any) -> ColumnElement[bool] | None:
    if table is audit_log:
        mail = select(held.c.message_id).where(held.c.account == account)
        names = audit_log.c.detail.contains(account, autoescape=True)
        return or_(audit_log.c.subject.in_([account, *ids]), audit_log.c.subject.in_(mail), names)
    if "account" in table.c:
        return table.c.account == account
    return table.c.incident_id.in_(ids) if "incident_id" in table.c else None
