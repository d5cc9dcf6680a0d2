"""The tables of the records. The migrations make them; a test holds the two equal."""

import json
import re
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, Dialect, Double, ForeignKey, Index, Integer, MetaData, Table, Text, false
from sqlalchemy.types import TypeDecorator

from detector.incident.incident import State
from detector.verdict.verdict import Verdict

HEAD = "0006"
"""The newest schema version (Alembic revision)."""

AWKWARD = re.compile("[\\\\\x00\ud800-\udfff]")
ESCAPED = re.compile(r"\\u([0-9a-f]{4})")


def escape(text: str) -> str:
    r"""A text that every database can hold: a login may carry octets that are not UTF-8, as surrogate escapes.

    >>> escape("EXAMPLE\\ann")
    'EXAMPLE\\u005cann'
    """
    return AWKWARD.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def unescape(text: str) -> str:
    """What `escape` was given."""
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


class Word(TypeDecorator[str]):
    """Any Python text, read back equal."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's own
        return None if value is None else escape(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else unescape(value)


class Json(TypeDecorator[Any]):
    """A value of our own types as JSON text, read back equal, infinities included."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        # json, not msgspec.json: it writes infinities and surrogate escapes (as \udc80) and reads them back.
        return json.dumps(msgspec.to_builtins(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return msgspec.convert(json.loads(value), self.kind)


metadata = MetaData()

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", Word, primary_key=True),
    Column("account", Word, nullable=False),
    Column("trusted", Boolean, nullable=False),
    Column("state", Word, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("verdict", Json(Verdict), nullable=False),
    Column("transaction_id", Word, nullable=False),
    Column("facts", Json(dict[str, str]), nullable=False),
)
not_closed = incidents.c.state != State.CLOSED.value
# An account whose incident is not closed is blocked: there is no second table that could disagree.
Index(
    "one_incident_per_account", incidents.c.account, unique=True, sqlite_where=not_closed, postgresql_where=not_closed
)
Index("incidents_by_time", incidents.c.opened_at)

timeline = Table(
    "timeline",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("incident_id", Word, ForeignKey("incidents.incident_id"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("actor", Word, nullable=False),
    Column("event", Word, nullable=False),
    Column("detail", Word, nullable=False),
)

strikes = Table(
    "strikes",
    metadata,
    Column("incident_id", Word, ForeignKey("incidents.incident_id"), primary_key=True),
    Column("account", Word, nullable=False, index=True),
    Column("at", Double, nullable=False),
)

password_changes = Table(
    "password_changes",
    metadata,
    Column("incident_id", Word, ForeignKey("incidents.incident_id"), primary_key=True),
    Column("at", Double, nullable=False, index=True),
)

exemptions = Table(
    "exemptions",
    metadata,
    Column("account", Word, primary_key=True),
    Column("until", Double),
    Column("actor", Word, nullable=False),
    Column("reason", Word, nullable=False),
    Column("recipients_per_hour", Integer),
    Column("recipients_per_day", Integer),
)

cohorts = Table(
    "cohorts",
    metadata,
    Column("account", Word, primary_key=True),
    Column("cohort", Word, nullable=False),
)

forgiveness = Table(
    "forgiveness",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("account", Word, nullable=False),
    Column("at", Double, nullable=False),
    Column("probation", Boolean, nullable=False, server_default=false()),
)

# What people decided when an account had enough strikes. The newest row of an account counts.
terminations = Table(
    "terminations",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("account", Word, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("actor", Word, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("reason", Word, nullable=False),
)

# The one-time codes that customers were offered: salted hashes, never the codes.
self_releases = Table(
    "self_releases",
    metadata,
    Column("incident_id", Word, ForeignKey("incidents.incident_id"), primary_key=True),
    Column("account", Word, nullable=False, index=True),
    Column("offered_at", Double, nullable=False),
    Column("salt", Text, nullable=False),
    Column("code_hash", Text, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("used_at", Double),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("account", Word, nullable=False),
    Column("at", Double, nullable=False, index=True),
    Column("transaction_id", Word, nullable=False),
    Column("identity_source", Word, nullable=False),
    Column("client", Word, nullable=False),
    Column("recipients", Json(dict[str, int]), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("verdict", Json(Verdict), nullable=False),
)
Index("verdicts_by_account", verdicts.c.account, verdicts.c.at)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("actor", Word, nullable=False),
    Column("action", Word, nullable=False),
    Column("subject", Word, nullable=False),
    Column("detail", Word, nullable=False),
    Column("hash", Text, nullable=False),
)

# One row. `changes` counts the writing transactions; the other two tell where the audit log ends.
counters = Table(
    "counters",
    metadata,
    Column("changes", Integer, primary_key=True, autoincrement=False),
    Column("audit_entries", Integer, nullable=False),
    Column("audit_hash", Text, nullable=False),
)
