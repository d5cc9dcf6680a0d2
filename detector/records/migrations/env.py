"""Alembic's entry: runs the versions on the connection that the caller has opened and locked."""

from alembic import context


def run() -> None:
    context.configure(connection=context.config.attributes["connection"])
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic runs this file; a mere import does nothing
    run()
