"""What tests do to a database of records behind the program's back."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from detector.records.audit import START
from detector.records.records import Records
from detector.records.schema import metadata
from tests.support.ports import HOST
from tests.support.postgres import Postgres, programs

RIGHTS = Path(__file__).parents[2] / "deploy" / "postgresql.sql"


def tamper(url: str, *statements: str) -> None:
    """Run SQL in one transaction, as who has stolen the rights for it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def empty(url: str) -> None:
    """As the migrations leave it: no rows but the one of the counters."""
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    row = f"INSERT INTO counters (changes, audit_entries, audit_hash) VALUES (0, 0, '{START}')"  # noqa: S608
    tamper(url, f"TRUNCATE {tables} RESTART IDENTITY", row)


def everything(url: str) -> str:
    """All that stands in the database, as one text to look for what must not be there."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = [
            str(row._mapping)
            for table in metadata.sorted_tables
            for row in connection.execute(text(f"SELECT * FROM {table.name}"))  # noqa: S608 - our own names
        ]
    engine.dispose()
    return "\n".join(rows)


@contextmanager
def least_rights(postgres: Postgres) -> Iterator[str]:
    """The recipe of deploy/postgresql.sql, followed; the name of the database."""
    postgres.execute("CREATE ROLE detector_owner LOGIN")
    database = postgres.fresh()
    postgres.execute(f"ALTER DATABASE {database} OWNER TO detector_owner")
    Records(postgres.url(database, "detector_owner")).close()
    place = ["-h", HOST, "-p", str(postgres.port), "-U", "detector_owner", "-d", database]
    psql = [str(programs() / "psql"), *place, "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-f", str(RIGHTS)]
    try:
        subprocess.run(psql, check=True)
        yield database
    finally:
        postgres.start()
        postgres.execute(f"DROP DATABASE {database} WITH (FORCE)")
        postgres.execute("DROP ROLE detector_owner")
