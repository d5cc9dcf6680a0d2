"""Records on another host: a URL that demands a certificate gets one looked at, by all that use the database."""

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from detector.ports import Temporary
from detector.records.engine import open_engine
from detector.records.records import Records
from detector.response.durable import Durable
from tests.support.certificates import make_certificate
from tests.support.ports import wait_for
from tests.support.postgres import Postgres

ENCRYPTED = text("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = :name")


def demanding(url: str, authority: Path) -> str:
    """As the handbook has it."""
    return f"{url}?sslmode=verify-full&sslrootcert={authority}"


def test_records_and_containments_go_by_tls(postgres: Postgres, tmp_path: Path) -> None:
    name = postgres.fresh()
    with postgres.with_tls(tmp_path) as authority:
        url = demanding(postgres.url(name), authority)
        records = Records(url)
        records.audit("olga", "look", "ann", time.time())
        done: list[str] = []
        durable = Durable(url, "here")
        durable.start({"note": done.append})
        try:
            durable.enqueue("containments", "note", "note.1", "done")
            wait_for(lambda: done == ["done"], "the work is done")
            engine = open_engine(url)
            with engine.connect() as connection:
                assert connection.execute(ENCRYPTED, {"name": name}).scalar()
            engine.dispose()
        finally:
            durable.stop()
            records.close()


def test_records_of_a_server_whose_certificate_is_another_are_not_spoken_to(postgres: Postgres, tmp_path: Path) -> None:
    another = make_certificate(tmp_path, "another.example").path
    (tmp_path / "server").mkdir()
    with postgres.with_tls(tmp_path / "server"), pytest.raises(Temporary, match="certificate"):
        Records(demanding(postgres.url(postgres.fresh()), another))


def test_records_of_a_server_without_tls_are_not_spoken_to(postgres: Postgres, tmp_path: Path) -> None:
    authority = make_certificate(tmp_path, "db.example").path
    with pytest.raises(Temporary, match="SSL"):
        Records(demanding(postgres.url(postgres.fresh()), authority))
