"""Ceilings of an exemption, and cohorts that operators assign."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("exemptions", sa.Column("recipients_per_hour", sa.Integer))
    op.add_column("exemptions", sa.Column("recipients_per_day", sa.Integer))
    op.create_table(
        "cohorts",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("cohort", sa.Text, nullable=False),
    )
