"""How much is recorded: rows by table, incidents and held mail by state, and the size of the database."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Column, Connection, func, select, text

from detector.records.engine import snapshot
from detector.records.schema import HEAD, audit, held, incidents, metadata


@dataclass(frozen=True, slots=True)
class Census:
    """`size_bytes` is that of the whole database, with what was erased and not yet given back."""

    schema_version: str
    size_bytes: int
    rows: Mapping[str, int]
    incidents: Mapping[str, int]
    held: Mapping[str, int]


def census(connection: Connection) -> Census:
    """All of one moment. It reads every table once."""
    snapshot(connection)
    rows = {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in metadata.sorted_tables
    }
    return Census(
        HEAD, _size(connection), rows, _by_state(connection, incidents.c.state), _by_state(connection, held.c.state)
    )


def last_audited(connection: Connection, action: str, subject: str) -> float | None:
    """When (Unix seconds) the audit log was last told so; None: never, or the entry was cut."""
    query = select(func.max(audit.c.at)).where(audit.c.action == action, audit.c.subject == subject)
    found = connection.execute(query).scalar()
    return None if found is None else float(found)


def _by_state(connection: Connection, state: Column[str]) -> dict[str, int]:
    return {row[0]: int(row[1]) for row in connection.execute(select(state, func.count()).group_by(state))}


def _size(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    pages, page_bytes = (
        connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size")
    )
    return int(pages) * int(page_bytes)
