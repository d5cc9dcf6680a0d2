"""Databases of others: encrypted or refused, undone or committed, and no longer waited for than it is said."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from detector.config import ConfigError, Database
from detector.ports import Refused, Secret, Temporary
from detector.response.sql import SqlDatabase, _no_longer_than, about, with_texts
from tests.support.certificates import make_certificate
from tests.support.mariadb import MariaDB
from tests.support.ports import HOST
from tests.support.postgres import SUPERUSER, Postgres

TABLE = "CREATE TABLE things (name VARCHAR(20) PRIMARY KEY, hash VARCHAR(20), CHECK (hash <> 'forbidden'))"


def settings_of(url: str, ca_file: Path | None = None, timeout: float = 10.0) -> Database:
    return Database(url=url, ca_file=ca_file, timeout=timeout)


Place = tuple[Database, Secret | None]


def sqlite_place(request: pytest.FixtureRequest) -> Place:
    path = request.getfixturevalue("tmp_path") / "things.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(TABLE)
    connection.close()
    return settings_of(f"sqlite:///{path}"), None


def postgres_place(request: pytest.FixtureRequest) -> Place:
    server: Postgres = request.getfixturevalue("postgres")
    database = server.fresh()
    server.execute(TABLE, database)
    return settings_of(f"postgresql://{SUPERUSER}@/{database}?host={server.directory}&port={server.port}"), None


def mariadb_place(request: pytest.FixtureRequest) -> Place:
    server: MariaDB = request.getfixturevalue("mariadb")
    database = server.fresh()
    server.execute(TABLE, database=database)
    return settings_of(f"mariadb://root@/{database}?unix_socket={server.socket}"), Secret("")


PLACES: dict[str, Callable[[pytest.FixtureRequest], Place]] = {
    "SQLite": sqlite_place,
    "PostgreSQL by socket": postgres_place,
    "MariaDB by socket": mariadb_place,
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    return PLACES[request.param](request)


def names(database: SqlDatabase) -> list[str]:
    with database.transaction() as connection:
        return list(connection.execute(text("SELECT name FROM things ORDER BY name")).scalars())


def insert(connection: Connection, *things: str, hashed: str = "x") -> None:
    for name in things:
        connection.execute(text("INSERT INTO things VALUES (:name, :hash)"), {"name": name, "hash": hashed})


def test_a_transaction_counts_or_is_undone_as_a_whole(place: Place) -> None:
    database = SqlDatabase(*place)
    with database.transaction() as connection:
        insert(connection, "kept")
    with pytest.raises(Refused), database.transaction() as connection:
        insert(connection, "undone", "undone")
    assert names(database) == ["kept"]


def test_a_check_is_always_undone(place: Place) -> None:
    database = SqlDatabase(*place)
    with database.checking() as connection:
        insert(connection, "undone")
    assert names(database) == []


def test_who_may_only_read_does_not_write(place: Place) -> None:
    with pytest.raises((Refused, Temporary)), SqlDatabase(*place, read_only=True).transaction() as connection:
        insert(connection, "not so")
    assert names(SqlDatabase(*place)) == []


def test_a_value_that_the_database_refuses_is_refused_and_not_repeated(place: Place) -> None:
    with pytest.raises((Refused, Temporary)) as caught, SqlDatabase(*place).transaction("forbidden") as connection:
        insert(connection, "x", hashed="forbidden")
    assert "forbidden" not in str(caught.value)


def test_a_statement_about_what_is_not_there_fails_in_words(place: Place) -> None:
    with pytest.raises(ConfigError, match="nothing"), SqlDatabase(*place).checking() as connection:
        connection.execute(text("SELECT * FROM nothing"))


def test_a_parameter_may_be_used_twice_in_different_places(place: Place) -> None:
    database = SqlDatabase(*place)
    question = with_texts("SELECT COUNT(*) FROM things WHERE name IN (:account, lower(:account)) OR hash = :domain")
    with database.transaction() as connection:
        assert connection.execute(question, about("Ann@example.org")).scalar() == 0


def test_a_value_is_never_a_part_of_the_statement(place: Place) -> None:
    database = SqlDatabase(*place)
    with database.transaction() as connection:
        insert(connection, "ann")
        asked = connection.execute(with_texts("SELECT name FROM things WHERE name = :account"), about("' OR '1' = '1"))
        assert asked.all() == []


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "typing error.sqlite"
    with pytest.raises(Temporary), SqlDatabase(settings_of(f"sqlite:///{path}"), None).transaction():
        pass
    assert not path.exists()


def test_a_file_that_may_not_be_written_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "locked.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(TABLE)
    connection.execute("BEGIN EXCLUSIVE")  # as good as a file without the right to write, which root does not know
    with pytest.raises(ConfigError, match="locked"):
        with SqlDatabase(settings_of(f"sqlite:///{path}", timeout=0.1), None).checking():
            pass
    connection.close()


# -- servers --


@pytest.fixture
def postgres_with_tls(postgres: Postgres, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A URL, and the certificate that is to be trusted there."""
    with postgres.with_tls(tmp_path) as certificate:
        yield f"postgresql://{SUPERUSER}@{HOST}:{postgres.port}/postgres", certificate


def test_postgresql_is_asked_with_tls_and_its_name_is_looked_at(
    postgres_with_tls: tuple[str, Path], tmp_path: Path
) -> None:
    url, authority = postgres_with_tls
    with SqlDatabase(settings_of(url, authority), None).transaction() as connection:
        assert connection.execute(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).scalar()
    another = make_certificate(tmp_path, "another.example").path
    for wrong_url, wrong_authority in ((url, another), (url.replace(HOST, "localhost"), authority)):
        with pytest.raises(Temporary, match="certificate"):
            with SqlDatabase(settings_of(wrong_url, wrong_authority), None).transaction():
                pass


def test_postgresql_without_tls_is_not_spoken_to_where_tls_is_asked_for(postgres: Postgres, tmp_path: Path) -> None:
    url = f"postgresql://{SUPERUSER}@{HOST}:{postgres.port}/postgres"
    authority = make_certificate(tmp_path, HOST).path
    with pytest.raises(Temporary, match="SSL"), SqlDatabase(settings_of(url, authority), None).transaction():
        pass


def test_mariadb_with_another_certificate_is_not_spoken_to(mariadb: MariaDB, tmp_path: Path) -> None:
    url = f"mysql://root@{HOST}:{mariadb.port}/mysql"
    authority = make_certificate(tmp_path, HOST).path
    with pytest.raises(Temporary, match="CERTIFICATE"):
        with SqlDatabase(settings_of(url, authority), Secret("")).transaction():
            pass


def test_a_file_of_certificates_that_is_none_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("nothing")
    for url in (f"postgresql://x@{HOST}/x", f"mysql://x@{HOST}/x"):
        with pytest.raises(ConfigError, match="certificates"):
            SqlDatabase(settings_of(url, wrong), None)


def test_a_server_that_follows_another_one_cannot_be_changed(postgres: Postgres, mariadb: MariaDB) -> None:
    database = postgres.fresh()
    postgres.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    with pytest.raises(ConfigError, match="is a copy"):
        with SqlDatabase(settings_of(postgres.url(database)), None).checking():
            pass
    url = f"mysql://root@/mysql?unix_socket={mariadb.socket}"
    mariadb.execute("SET GLOBAL read_only = ON")
    try:
        with pytest.raises(ConfigError, match="is a copy"), SqlDatabase(settings_of(url), Secret("")).checking():
            pass
    finally:
        mariadb.execute("SET GLOBAL read_only = OFF")


def test_a_row_that_somebody_else_holds_is_not_waited_for_endlessly(postgres: Postgres) -> None:
    database = postgres.fresh()
    postgres.execute(TABLE, database)
    url = postgres.url(database, SUPERUSER)
    with SqlDatabase(settings_of(url), None).transaction() as holder:
        holder.execute(text("LOCK TABLE things"))
        with pytest.raises(Temporary, match="timeout"):
            with SqlDatabase(settings_of(url, timeout=0.1), None).transaction() as connection:
                insert(connection, "late")


def test_a_server_that_never_answers_is_left(postgres: Postgres) -> None:
    database = SqlDatabase(settings_of(postgres.url("postgres", SUPERUSER)), None)
    with database._engine.connect() as connection, pytest.raises(OperationalError):
        with _no_longer_than(0.1, connection):
            connection.execute(text("SELECT pg_sleep(100)"))
