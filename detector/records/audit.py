"""The audit log: append-only, each entry sealed with the hash of all before it."""

import hashlib
import json

from sqlalchemy import Connection, insert, select, update

from detector.records.entries import AuditBroken, AuditEntry
from detector.records.schema import audit, counters

START = "0" * 64
"""What stands before the first entry."""


def seal(previous: str, entry: AuditEntry) -> str:
    """SHA-256 over the hash before and the canonical JSON (sorted keys, ASCII, no spaces) of the entry's words."""
    words = {
        "number": entry.number,
        "at": float(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
    }
    text = json.dumps(words, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{text}".encode("ascii")).hexdigest()


def append(connection: Connection, at: float, words: tuple[str, str, str, str]) -> None:
    """Add an entry of `words`: actor, action, subject, detail. The caller's transaction is the only writer."""
    entries, previous = connection.execute(select(counters.c.audit_entries, counters.c.audit_hash)).one()
    draft = AuditEntry(entries + 1, at, *words, hash="")
    digest = seal(previous, draft)
    actor, action, subject, detail = words
    connection.execute(
        insert(audit).values(
            number=draft.number, at=at, actor=actor, action=action, subject=subject, detail=detail, hash=digest
        )
    )
    connection.execute(update(counters).values(audit_entries=draft.number, audit_hash=digest))


def newest(connection: Connection, limit: int) -> list[AuditEntry]:
    rows = connection.execute(select(audit).order_by(audit.c.number.desc()).limit(limit)).mappings()
    return [AuditEntry(**row) for row in rows]


def verify(connection: Connection) -> int:
    """The number of entries, all of them unchanged and none missing. Raises `AuditBroken`.

    Who can write the database can also forge the whole log anew; that is found only by comparing the last hash with
    one that was kept elsewhere.
    """
    previous, number = START, 0
    for row in connection.execute(select(audit).order_by(audit.c.number)).mappings():
        entry = AuditEntry(**row)
        number += 1
        if entry.number != number:
            msg = f"audit entry {number} is missing"
            raise AuditBroken(msg)
        if entry.hash != seal(previous, entry):
            msg = f"audit entry {number} was changed, or one before it"
            raise AuditBroken(msg)
        previous = entry.hash
    if (number, previous) != tuple(connection.execute(select(counters.c.audit_entries, counters.c.audit_hash)).one()):
        msg = f"audit entry {number + 1} is missing"
        raise AuditBroken(msg)
    return number
