"""The audit log: append-only, each entry sealed with the hash of all before it."""

import hashlib
import json
from collections.abc import Generator
from contextlib import closing

from sqlalchemy import Connection, delete, func, insert, select, update

from detector.records.engine import snapshot
from detector.records.entries import AuditBroken, AuditEntry, AuditHead
from detector.records.schema import audit, counters

START = "0" * 64
"""What stands before the first entry."""

CUT = "cut audit log"
"""The action of the entry that tells up to which number older ones were removed, with the hash of the last of them."""

MOST_CUT = 10_000
"""Entries that one transaction removes at most."""


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


def head(connection: Connection) -> AuditHead:
    """Where the log ends."""
    return AuditHead(*connection.execute(select(counters.c.audit_entries, counters.c.audit_hash)).one())


def verify(connection: Connection, expected: AuditHead | None = None) -> int:
    """The number of the last entry: all are unchanged and none is missing. Raises `AuditBroken`.

    Who can write the database can also forge the whole log anew, or cut its end and the counter. That is found by
    comparing with a head that was kept elsewhere: `expected`.
    """
    snapshot(connection)
    begin = AuditHead(*connection.execute(select(counters.c.audit_cut, counters.c.audit_cut_hash)).one())
    last, known, cut_told = begin, None, begin.number == 0
    with closing(_oldest_first(connection)) as entries:
        for entry in entries:
            _follows(entry, last)
            last = AuditHead(entry.number, entry.hash)
            cut_told |= (entry.action, entry.subject, entry.detail) == (CUT, str(begin.number), begin.hash)
            known = last if expected is not None and entry.number == expected.number else known
    if last != head(connection):
        msg = f"audit entry {last.number + 1} is missing"
        raise AuditBroken(msg)
    if not cut_told:
        msg = f"audit entries up to {begin.number} are missing, and no entry tells that they were cut"
        raise AuditBroken(msg)
    if expected is not None:
        _compare(expected, known, begin)
    return last.number


def cut(connection: Connection, then: float, now: float, actor: str) -> int:
    """Remove entries from before `then`, at most `MOST_CUT`, and tell so in the log; how many. The last one stays."""
    begin, end = connection.execute(select(counters.c.audit_cut, counters.c.audit_entries)).one()
    kept = select(func.min(audit.c.number)).where(audit.c.at >= then)
    first_kept = min(connection.execute(kept).scalar() or end, begin + MOST_CUT + 1, end)
    if first_kept <= begin + 1:
        return 0
    digest = connection.execute(select(audit.c.hash).where(audit.c.number == first_kept - 1)).scalar_one()
    append(connection, now, (actor, CUT, str(first_kept - 1), digest))
    connection.execute(update(counters).values(audit_cut=first_kept - 1, audit_cut_hash=digest))
    return connection.execute(delete(audit).where(audit.c.number < first_kept)).rowcount


def _oldest_first(connection: Connection) -> Generator[AuditEntry]:
    """Not all at once: the log may be larger than the memory. Raises `AuditBroken` for what we cannot have written."""
    query = select(audit).order_by(audit.c.number).execution_options(yield_per=1000)
    try:
        with connection.execute(query) as rows:
            for row in rows.mappings():
                yield AuditEntry(**{**row, "at": float(row["at"])})
    except (TypeError, ValueError) as error:  # a column of SQLite holds any kind of value
        msg = "an audit entry was changed to what cannot be read"
        raise AuditBroken(msg) from error


def _follows(entry: AuditEntry, last: AuditHead) -> None:
    if entry.number != last.number + 1:
        msg = f"audit entry {last.number + 1} is missing"
        raise AuditBroken(msg)
    if entry.hash != seal(last.hash, entry):
        msg = f"audit entry {entry.number} was changed, or one before it"
        raise AuditBroken(msg)


def _compare(expected: AuditHead, known: AuditHead | None, begin: AuditHead) -> None:
    if expected.number < begin.number:
        # Not passed over: who forges the log could pretend that what he fears was cut by age.
        msg = (
            f"audit entry {expected.number} cannot be compared: those up to {begin.number} were removed, by age or not"
        )
        raise AuditBroken(msg)
    known = begin if expected.number == begin.number else known
    if known is None:
        msg = f"audit entry {expected.number} is missing: the log was cut at its end, or is another one"
        raise AuditBroken(msg)
    if known.hash != expected.hash:
        msg = f"audit entry {expected.number} is not the one that was expected: the log was forged, or is another one"
        raise AuditBroken(msg)
