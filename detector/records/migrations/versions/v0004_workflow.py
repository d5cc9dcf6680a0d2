"""What the containment has to do, what keeps it from it, who does it, and how long it took."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    errands = op.create_table(
        "errands",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("steps", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "switches",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("until", sa.Double),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "executors",
        sa.Column("executor_id", sa.Text, primary_key=True),
        sa.Column("beat", sa.Integer, nullable=False),
    )
    op.add_column("timeline", sa.Column("began_at", sa.Double))
    _take_over(errands)


def _take_over(errands: sa.Table) -> None:
    """Containments under way: what the timeline tells as finished is not done again."""
    incidents = sa.table(
        "incidents", sa.column("incident_id"), sa.column("state"), sa.column("changed_at"), sa.column("opened_at")
    )
    timeline = sa.table("timeline", sa.column("incident_id"), sa.column("event"))
    finished = sa.select(timeline.c.incident_id).where(timeline.c.event == "steps_done")
    under_way = (
        sa.select(
            incidents.c.incident_id,
            sa.literal("open"),
            sa.literal(json.dumps(["contain"])),
            incidents.c.changed_at,
            sa.literal(0),
        )
        .where(incidents.c.state.in_(["open", "confirmed"]), incidents.c.incident_id.not_in(finished))
        .order_by(incidents.c.opened_at)
    )
    columns = ["incident_id", "event", "steps", "at", "run"]
    op.get_bind().execute(sa.insert(errands).from_select(columns, under_way))
