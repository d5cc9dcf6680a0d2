"""Schema versions of the records, carried out by Alembic at start."""
