"""What the records must do when things go wrong, in every database.

What they do otherwise is in tests/unit/records, and runs with every database too.
"""

import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from detector.config import ConfigError
from detector.incident.incident import Event, Incident, State
from detector.ports import Temporary
from detector.records import engine
from detector.records.records import Exemption, Records
from detector.records.retention import Retention
from detector.verdict.verdict import Action, Verdict
from tests.support.ports import HOST, free_port
from tests.support.postgres import Postgres
from tests.support.records import least_rights

VERDICT = Verdict(Action.BLOCK, 12.0, (), "policy-1", "model-1")
INCIDENT = Incident("i1", "ann", True, State.OPEN, 100.0, 100.0, VERDICT, "t1", {})
HALF = "INSERT INTO cohorts (account, cohort) VALUES ('ann', 'person')"

postgresql = pytest.mark.debian("postgresql")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for another one waits a tenth of a second instead of ten. A statement as such may take its time."""
    short = engine.POSTGRESQL | {"options": "-c statement_timeout=60s -c lock_timeout=100ms", "connect_timeout": 2}
    monkeypatch.setattr(engine, "POSTGRESQL", short)
    patient = "busy_timeout = 10000"
    assert patient in engine.PRAGMAS
    monkeypatch.setattr(
        engine, "PRAGMAS", tuple("busy_timeout = 100" if one == patient else one for one in engine.PRAGMAS)
    )


@pytest.fixture
def records(records_url: str) -> Iterator[Records]:
    records = Records(records_url)
    yield records
    records.close()


@pytest.fixture
def postgres_records(postgres_records_url: str) -> Iterator[Records]:
    records = Records(postgres_records_url)
    yield records
    records.close()


def test_who_waits_for_another_writer_too_long_is_told_and_changes_nothing(impatient: None, records_url: str) -> None:
    records, other = Records(records_url), Records(records_url)
    with other._write("hold"):
        with pytest.raises(Temporary, match="records: open_incident: "):
            records.open_incident(INCIDENT)
        assert records.standing().blocks == {}  # readers do not wait
    records.open_incident(INCIDENT)
    assert (records.standing().blocks, records.verify_audit()) == ({"ann": "i1"}, 1)
    for one in (records, other):
        one.close()


def test_what_fails_half_way_is_undone(records: Records) -> None:
    def fail() -> None:
        with records._write("half") as connection:
            connection.execute(text(HALF))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert records.standing().cohorts == {}


def test_all_threads_together_make_one_chain_and_one_incident_for_each_account(records: Records) -> None:
    def work(number: int) -> str:
        account = str(number % 10)
        mine = replace(INCIDENT, incident_id=f"i{number}", account=account)
        opened = records.open_incident(mine).incident_id
        records.audit("olga", "look at account", account, 200.0)
        return opened

    with ThreadPoolExecutor(8) as pool:
        opened = set(pool.map(work, range(80)))
    assert set(records.standing().blocks.values()) == opened
    assert (len(opened), records.verify_audit()) == (10, 90)


# -- PostgreSQL --


@postgresql
def test_while_the_server_is_down_everything_is_temporary_and_then_it_works_again(
    postgres: Postgres, postgres_records: Records
) -> None:
    postgres_records.open_incident(INCIDENT)
    postgres.kill()
    for attempt in (postgres_records.standing, postgres_records.change_token, postgres_records.verify_audit):
        with pytest.raises(Temporary):
            attempt()
    with pytest.raises(Temporary):
        postgres_records.apply("i1", Event.DISMISS, 200.0, "olga")
    postgres.start()
    assert postgres_records.standing().blocks == {"ann": "i1"}
    postgres_records.apply("i1", Event.DISMISS, 200.0, "olga")
    assert (postgres_records.standing().blocks, postgres_records.verify_audit()) == ({}, 2)


@postgresql
def test_a_restart_of_the_server_between_two_uses_is_not_even_felt(
    postgres: Postgres, postgres_records: Records
) -> None:
    postgres_records.open_incident(INCIDENT)
    postgres.stop()
    postgres.start()
    assert postgres_records.standing().blocks == {"ann": "i1"}


@postgresql
def test_a_connection_that_is_lost_in_a_transaction_leaves_nothing_of_it(
    postgres: Postgres, postgres_records: Records
) -> None:
    def lose() -> None:
        with postgres_records._write("lost") as connection:
            connection.execute(text(HALF))
            process = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            postgres.execute(f"SELECT pg_terminate_backend({process}, 5000)")
            connection.execute(text("SELECT 1"))

    with pytest.raises(Temporary, match="records: lost: "):
        lose()
    assert postgres_records.standing().cohorts == {}


@postgresql
def test_no_statement_runs_for_ever(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "POSTGRESQL", engine.POSTGRESQL | {"options": "-c statement_timeout=1s"})
    records = Records(postgres_url)  # also: making the schema may take longer than a statement
    with pytest.raises(Temporary, match="statement timeout"), records._read("sleep") as connection:
        connection.execute(text("SELECT pg_sleep(60)"))
    assert records.incidents() == []
    records.close()


@postgresql
def test_the_patience_of_an_installation_is_ten_seconds(postgres_records: Records) -> None:
    with postgres_records._read("look") as connection:
        asked = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")
        answers = [connection.execute(text(f"SHOW {name}")).scalar_one() for name in asked]
    assert answers == ["10s", "10s", "1min", "detector"]


@postgresql
def test_a_host_that_says_nothing_is_given_up(impatient: None) -> None:
    port = free_port()
    with socket.create_server((HOST, port)), pytest.raises(Temporary, match=r"records: open: .*timeout"):
        Records(f"postgresql+psycopg://detector@{HOST}:{port}/records")


@postgresql
def test_a_login_that_the_server_does_not_know_is_temporary_and_says_so(postgres: Postgres) -> None:
    with pytest.raises(Temporary, match='role "nobody_knows" does not exist'):
        Records(postgres.url(postgres.fresh(), user="nobody_knows"))


@pytest.fixture
def guarded(postgres: Postgres) -> Iterator[str]:
    with least_rights(postgres) as database:
        yield postgres.url(database)


@postgresql
def test_with_least_rights_everything_works_but_rewriting_the_audit_log(guarded: str) -> None:
    records = Records(guarded)
    records.open_incident(INCIDENT)
    records.record_step("i1", "change_password", "done", 101.0)
    records.apply("i1", Event.CONFIRM, 200.0, "olga")
    assert (len(records.strikes("ann")), records.verify_audit()) == (1, 3)
    for statement in ("UPDATE audit SET actor = 'eve'", "DELETE FROM audit", "TRUNCATE audit", "DROP TABLE audit"):
        with pytest.raises(Temporary, match=r"permission denied|must be owner"), records._write("x") as connection:
            connection.execute(text(statement))
    assert records.verify_audit() == 3
    records.close()


@postgresql
def test_with_least_rights_all_goes_in_its_time_but_the_audit_log(guarded: str) -> None:
    with closing(Records(guarded)) as records:
        for account in ("ann", "bob"):
            records.exempt(Exemption(account, 1.0, "olga", ""), 1.0)
        with pytest.raises(Temporary, match="cut_audit: permission denied"):
            records.enforce_retention(Retention(1.0, 1.0, audit=1.0, strikes_fade_after=1.0), now=1e9)
        assert records.standing().exemptions == {}
        assert records.verify_audit() == 2


@postgresql
def test_who_may_not_make_the_tables_is_told_who_must(postgres: Postgres) -> None:
    database = postgres.fresh()
    postgres.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC", database)
    postgres.execute(f"ALTER DATABASE {database} OWNER TO postgres")
    with pytest.raises(ConfigError, match="run `detector records upgrade` as the owner of the tables"):
        Records(postgres.url(database))


# -- SQLite --


def test_a_reader_sees_what_was_true_when_it_began_though_others_write(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.sqlite"
    records, other = Records(url), Records(url)
    with records._read("look") as connection:
        before = connection.execute(text("SELECT count(*) FROM incidents")).scalar_one()
        other.open_incident(INCIDENT)
        assert connection.execute(text("SELECT count(*) FROM incidents")).scalar_one() == before
    assert len(records.incidents()) == 1
    for one in (records, other):
        one.close()


def test_a_file_that_another_program_has_locked_is_temporary(impatient: None, tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    records = Records(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Temporary, match="database is locked"):
            records.open_incident(INCIDENT)
        stranger.execute("ROLLBACK")
    records.open_incident(INCIDENT)
    records.close()
