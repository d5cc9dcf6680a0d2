"""Held mail."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "held",
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("spool", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incidents.incident_id")),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("mail", sa.Text, nullable=False),
        sa.Column("recipients", sa.Text, nullable=False),
        sa.Column("xforward", sa.Text, nullable=False),
        sa.Column("transaction", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("held_at", sa.Double, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", sa.Double, nullable=False),
        sa.Column("released_at", sa.Double),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("decided_at", sa.Double),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("erased", sa.Boolean, nullable=False),
    )
    op.create_index("held_to_send", "held", ["spool", "state", "next_attempt_at"])
    op.create_index("held_by_account", "held", ["account", "state", "held_at"])
    op.create_index("held_by_incident", "held", ["incident_id"])
    op.create_index("held_by_fingerprint", "held", ["fingerprint"])
    op.create_index("held_by_digest", "held", ["digest"])
