"""The way back of an account, and repeat offenders."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing to change."""
