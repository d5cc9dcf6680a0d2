"""Passwords in tables that other programs own."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from detector.config import ConfigError, SqlAppPasswords, SqlPassword
from detector.ports import Refused, Secret
from detector.response.sql_password import SqlAppPasswordRevoker, SqlPasswords
from tests.support.mariadb import MariaDB
from tests.support.password_stores import (
    OLD,
    TABLES,
    MariaDBStore,
    PostgresStore,
    SqliteStore,
    rows,
    verifies,
)
from tests.support.postgres import Postgres

NEW = Secret("n3w-password")


class Table:
    """An SQLite database with a table of the test."""

    def __init__(self, path: Path, *statements: str) -> None:
        self.path = path
        for statement in statements:
            self.ask(statement)

    def ask(self, statement: str) -> list[Any]:
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def provider(self, **settings: object) -> SqlPasswords:
        url = f"sqlite:///{self.path}"
        return SqlPasswords(SqlPassword.model_validate({"provider": "sql", "url": url, **settings}), None)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "users.sqlite", TABLES["postfixadmin"], *rows("postfixadmin"))


@pytest.mark.parametrize("scheme", ["BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "ARGON2ID"])
@pytest.mark.parametrize("prefix", [True, False])
def test_the_hash_is_of_the_scheme_with_or_without_its_prefix(table: Table, scheme: str, prefix: bool) -> None:
    table.provider(preset="postfixadmin", scheme=scheme, prefix=prefix).change_password("ann@example.org", NEW, "r")
    kept = table.ask("SELECT password FROM mailbox WHERE username = 'ann@example.org'")[0][0]
    assert kept.startswith(f"{{{scheme}}}") is prefix
    assert verifies(kept, NEW.text)


def test_postfixadmin_sees_when_it_was_changed(table: Table) -> None:
    table.provider(preset="postfixadmin").change_password("ann@example.org", NEW, "r")
    changed = table.ask("SELECT username FROM mailbox WHERE modified IS NOT NULL")
    assert changed == [("ann@example.org",)]


@pytest.mark.parametrize("preset", TABLES)
def test_a_login_in_another_case_is_the_same_account(preset: str, tmp_path: Path) -> None:
    store = SqliteStore(preset, tmp_path)
    store.provider.change_password("Ann@Example.ORG", NEW, "r")
    assert store.accepts("ann@example.org", NEW.text)


def test_a_statement_of_the_operator_may_keep_a_log_and_ask_elsewhere(tmp_path: Path) -> None:
    table = Table(
        tmp_path / "own.sqlite",
        'CREATE TABLE logins (id INTEGER, "the hash" TEXT, hash TEXT, request TEXT)',
        "CREATE TABLE names (login INTEGER, name TEXT)",
        "INSERT INTO logins VALUES (1, '', 'old', ''), (2, '', 'old', '')",
        "INSERT INTO names VALUES (1, 'ann'), (2, 'bob')",
    )
    provider = table.provider(
        update="update logins\n set request = :request_id, hash = :password_hash\n"
        " where id in (select login from names where name = :local_part and :domain = 'example.org');"
    )
    assert provider.check()
    provider.change_password("ann@example.org", NEW, "i-1.change_password")
    (ann, request), (bob, _) = table.ask("SELECT hash, request FROM logins ORDER BY id")
    assert verifies(ann, NEW.text)
    assert (request, bob) == ("i-1.change_password", "old")


def test_an_account_with_two_rows_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    table = Table(tmp_path / "users.sqlite", TABLES["dovecot"], *rows("dovecot"), *rows("dovecot"))
    with pytest.raises(Refused, match="more than one row"):
        table.provider(preset="dovecot", prefix=False).change_password("ann@example.org", NEW, "r")
    assert set(table.ask("SELECT password FROM users")) == {(OLD,)}


def test_what_a_trigger_made_of_the_hash_is_noticed_and_undone(table: Table) -> None:
    table.ask(
        "CREATE TRIGGER t AFTER UPDATE ON mailbox WHEN NEW.password <> 'x' "
        "BEGIN UPDATE mailbox SET password = 'x' WHERE username = NEW.username; END"
    )
    with pytest.raises(Refused, match="something else"):
        table.provider(preset="postfixadmin").change_password("ann@example.org", NEW, "r")
    assert set(table.ask("SELECT password FROM mailbox")) == {(OLD,)}


def test_a_column_that_cuts_the_hash_off_is_told_at_start_and_noticed_at_work(mariadb: MariaDB) -> None:
    store = MariaDBStore("dovecot", mariadb)
    mariadb.execute("SET GLOBAL sql_mode = ''")  # with it MariaDB cuts and says nothing
    try:
        settings = {"provider": "sql", "preset": "dovecot", "prefix": True}
        settings |= {"url": f"mysql://root@/{store.database}?unix_socket={mariadb.socket}"}
        provider = SqlPasswords(SqlPassword.model_validate(settings), Secret(""))
        with pytest.raises(ConfigError, match=r"users\.password holds 64 characters, .* has 71; .* prefix = false"):
            provider.check()
        with pytest.raises(Refused, match="something else"):
            provider.change_password("ann@example.org", NEW, "r")
    finally:
        mariadb.execute("SET GLOBAL sql_mode = DEFAULT")
    assert store.accepts("ann@example.org", "old")


def test_postgresql_tells_the_length_of_its_columns_too(postgres: Postgres) -> None:
    store = PostgresStore("dovecot", postgres)
    settings = {"provider": "sql", "preset": "dovecot", "scheme": "SHA512-CRYPT", "url": postgres.url(store.database)}
    postgres.execute("GRANT ALL ON users TO PUBLIC", store.database)
    with pytest.raises(ConfigError, match=r"holds 64 characters, .* widen the column$"):
        SqlPasswords(SqlPassword.model_validate(settings), None).check()


def test_a_user_without_the_right_to_change_is_told_at_start(postgres: Postgres, mariadb: MariaDB) -> None:
    in_postgres = PostgresStore("postfixadmin", postgres)
    postgres.execute(f"REVOKE UPDATE (password) ON mailbox FROM {in_postgres.database}_writer", in_postgres.database)
    in_mariadb = MariaDBStore("postfixadmin", mariadb)
    user = f"{in_mariadb.database}_writer@'%'"
    mariadb.execute(f"REVOKE UPDATE (password, modified) ON mailbox FROM {user}", database=in_mariadb.database)
    for store in (in_postgres, in_mariadb):
        with pytest.raises(ConfigError, match="denied"):
            store.provider.check()


def test_a_wrong_password_of_the_database_is_told_without_it(mariadb: MariaDB) -> None:
    store = MariaDBStore("dovecot", mariadb)
    url = f"mysql://{store.database}_writer@127.0.0.1:{mariadb.port}/{store.database}"
    settings = {"provider": "sql", "preset": "dovecot", "url": url, "ca_file": mariadb.certificate.path}
    with pytest.raises(ConfigError, match="Access denied") as caught:
        SqlPasswords(SqlPassword.model_validate(settings), Secret("geheim")).check()
    assert "geheim" not in str(caught.value)


def test_a_table_that_is_not_there_is_told_at_start(tmp_path: Path) -> None:
    table = Table(tmp_path / "empty.sqlite", "CREATE TABLE other (x)")
    with pytest.raises(ConfigError, match="no such table: users"):
        table.provider(preset="dovecot").check()


# -- app passwords --

APP_TABLE = "CREATE TABLE app_passwords (login VARCHAR(100), name VARCHAR(20))"
APP_ROWS = (
    "INSERT INTO app_passwords VALUES ('ann@example.org', 'telephone'), ('ann@example.org', 'printer'), ('bob', 'x')"
)
REVOKE = "DELETE FROM app_passwords WHERE login = :account"


def revoker(url: str, password: Secret | None = None, revoke: str = REVOKE) -> SqlAppPasswordRevoker:
    return SqlAppPasswordRevoker(SqlAppPasswords(provider="sql", url=url, revoke=revoke), password)


def test_all_app_passwords_of_the_account_go_and_no_other(tmp_path: Path) -> None:
    table = Table(tmp_path / "app.sqlite", APP_TABLE, APP_ROWS)
    provider = revoker(f"sqlite:///{table.path}")
    assert provider.check()
    assert provider.revoke_app_passwords("ann@example.org", "r") == "2 app passwords revoked"
    assert table.ask("SELECT login FROM app_passwords") == [("bob",)]


def test_an_account_without_app_passwords_is_fine_and_so_is_doing_it_again(postgres: Postgres) -> None:
    database = postgres.fresh()
    postgres.execute(APP_TABLE, database)
    postgres.execute(APP_ROWS, database)
    postgres.execute("GRANT SELECT (login), DELETE ON app_passwords TO PUBLIC", database)
    provider = revoker(postgres.url(database))
    assert provider.check()
    told = [provider.revoke_app_passwords("ann@example.org", "r") for _ in range(2)]
    assert told == ["2 app passwords revoked", "0 app passwords revoked"]


def test_app_passwords_may_be_marked_instead(mariadb: MariaDB) -> None:
    database = mariadb.fresh()
    mariadb.execute(APP_TABLE, APP_ROWS, database=database)
    url = f"mysql://root@/{database}?unix_socket={mariadb.socket}"
    provider = revoker(url, Secret(""), "UPDATE app_passwords SET name = 'revoked' WHERE login = :account")
    assert provider.check()
    assert provider.revoke_app_passwords("ann@example.org", "r") == "2 app passwords revoked"
    kept = mariadb.execute("SELECT name FROM app_passwords ORDER BY name", database=database)
    assert kept == (("revoked",), ("revoked",), ("x",))


def test_a_statement_that_cannot_be_carried_out_is_told_at_start(tmp_path: Path) -> None:
    table = Table(tmp_path / "app.sqlite", APP_TABLE)
    with pytest.raises(ConfigError, match="no such column: user"):
        revoker(f"sqlite:///{table.path}", revoke="DELETE FROM app_passwords WHERE user = :account").check()
