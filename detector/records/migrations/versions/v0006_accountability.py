"""Where an audit log that was cut begins, profiles to erase, and numbers that do not run out."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

GROWING = (
    ("counters", "changes"),
    ("counters", "audit_entries"),
    ("audit", "number"),
    ("forgiveness", "sequence"),
    ("timeline", "number"),
    ("verdicts", "number"),
)
SERIAL = ("timeline", "verdicts")


def upgrade() -> None:
    op.add_column("counters", sa.Column("audit_cut", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("counters", sa.Column("audit_cut_hash", sa.Text, nullable=False, server_default="0" * 64))
    op.create_table(
        "erasures",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        _count_further()


def _count_further() -> None:
    """To 2**63: some ten writings a second use up 2**31 in seven years. SQLite counts so far anyway."""
    for table, column in GROWING:
        op.alter_column(table, column, type_=sa.BigInteger)
    for table in SERIAL:
        op.execute(f"ALTER SEQUENCE {table}_number_seq AS bigint")
