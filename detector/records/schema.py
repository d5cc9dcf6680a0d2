"""The tables of the records. The migrations make them; a test holds the two equal."""

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, MetaData, Table, Text, false

from detector.incident.incident import State, Step
from detector.mail.transaction import Transaction
from detector.records.columns import Json, Word
from detector.records.held_entries import HeldRecipient
from detector.verdict.hold import Held
from detector.verdict.verdict import Verdict

HEAD = "0006"
"""The newest schema version (Alembic revision)."""

Number = BigInteger().with_variant(Integer, "sqlite")
"""Grows with each writing. SQLite gives numbers of its own to INTEGER only, and has 64 bits there too."""

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
    Column("number", Number, primary_key=True),
    Column("incident_id", Word, ForeignKey("incidents.incident_id"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("actor", Word, nullable=False),
    Column("event", Word, nullable=False),
    Column("detail", Word, nullable=False),
    Column("began_at", Double),
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
    Column("sequence", Number, primary_key=True, autoincrement=False),
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
    Column("number", Number, primary_key=True),
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

# It names recipients because a message cannot be delivered without them; the row goes with the message (`[hold] keep`).
held = Table(
    "held",
    metadata,
    Column("message_id", Word, primary_key=True),
    Column("spool", Word, nullable=False),
    Column("account", Word, nullable=False),
    Column("incident_id", Word, ForeignKey("incidents.incident_id")),
    Column("fingerprint", Word, nullable=False),
    Column("digest", Word, nullable=False),
    Column("about", Word, nullable=False),
    Column("mail", Word, nullable=False),
    Column("recipients", Json(tuple[HeldRecipient, ...]), nullable=False),
    Column("xforward", Json(dict[str, str]), nullable=False),
    Column("transaction", Json(Transaction), nullable=False),
    Column("verdict", Json(Verdict), nullable=False),
    Column("evidence", Json(Held), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("held_at", Double, nullable=False),
    Column("state", Word, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Double, nullable=False),
    Column("released_at", Double),
    Column("key_id", Word, nullable=False),
    Column("decided_by", Word, nullable=False),
    Column("decided_at", Double),
    Column("reason", Word, nullable=False),
    Column("problem", Word, nullable=False),
    Column("erased", Boolean, nullable=False),
)
Index("held_to_send", held.c.spool, held.c.state, held.c.next_attempt_at)
Index("held_by_account", held.c.account, held.c.state, held.c.held_at)
Index("held_by_incident", held.c.incident_id)
Index("held_by_fingerprint", held.c.fingerprint)
Index("held_by_digest", held.c.digest)

audit = Table(
    "audit",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("actor", Word, nullable=False),
    Column("action", Word, nullable=False),
    Column("subject", Word, nullable=False),
    Column("detail", Word, nullable=False),
    Column("hash", Text, nullable=False),
)

errands = Table(
    "errands",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("incident_id", Word, ForeignKey("incidents.incident_id"), nullable=False, index=True),
    Column("event", Word, nullable=False),
    Column("steps", Json(tuple[Step, ...]), nullable=False),
    Column("at", Double, nullable=False),
    Column("run", Integer, nullable=False),
    sqlite_autoincrement=True,  # a number is never used again: the workflow's id is made of it
)

switches = Table(
    "switches",
    metadata,
    Column("name", Word, primary_key=True),
    Column("since", Double, nullable=False),
    Column("until", Double),
    Column("actor", Word, nullable=False),
    Column("reason", Word, nullable=False),
)

# A row of each process that carries out errands; `beat` grows for as long as it lives.
executors = Table(
    "executors",
    metadata,
    Column("executor_id", Word, primary_key=True),
    Column("beat", Integer, nullable=False),
)

# Accounts whose profiles are to be erased: by each process that has profiles, as `forgiveness` is.
erasures = Table(
    "erasures",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("account", Word, nullable=False),
    Column("at", Double, nullable=False),
)

# One row. `changes` counts the writing transactions; the others tell where the audit log begins and ends.
counters = Table(
    "counters",
    metadata,
    Column("changes", Number, primary_key=True, autoincrement=False),
    Column("audit_entries", Number, nullable=False),
    Column("audit_hash", Text, nullable=False),
    Column("audit_cut", BigInteger, nullable=False, server_default="0"),
    Column("audit_cut_hash", Text, nullable=False, server_default="0" * 64),
)
