"""Changes passwords, and takes back app passwords, in tables that other programs own."""

import re

from sqlalchemy import Connection

from detector.config import ConfigError, SqlAppPasswords, SqlPassword
from detector.ports import Refused, Secret
from detector.response.hashes import hash_password
from detector.response.sql import SqlDatabase, about, explain, with_texts

NOBODY = {**about("nobody@invalid"), "password_hash": "", "request_id": ""}
"""Parameters to try a statement with: RFC 2606 keeps the domain free."""

NEW = Secret("a password")  # all of them make hashes of the same length
LENGTHS = {
    "postgresql": "SELECT CASE WHEN atttypmod > 4 THEN atttypmod - 4 END FROM pg_attribute "  # 4 octets are its header
    "WHERE attrelid = to_regclass(:whole) AND attname = :column",
    "mysql": "SELECT character_maximum_length FROM information_schema.columns WHERE "
    "table_schema = COALESCE(NULLIF(:schema, ''), DATABASE()) AND table_name = :name AND column_name = :column",
}
"""How long a text a column may hold; SQLite holds what it gets."""


class SqlPasswords:
    """One UPDATE of one row, read back before it is committed. Only the hash ever reaches the database.

    Rows are looked for before the change, so that a table without transactions is safe too. Running the same request
    again sets another unknown password, which is harmless, so `request_id` is not remembered; it is a parameter for
    statements that write a log.
    """

    def __init__(self, settings: SqlPassword, password: Secret | None) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        self._database = SqlDatabase(settings, password)
        self._scheme, self._prefix = settings.scheme, settings.prefix
        self._table, self._column, condition = settings.target
        select = f"SELECT {self._column} FROM {self._table} WHERE {condition}"  # noqa: S608 - words of the operator
        self._statements = settings.statement, select
        self._update, self._select = map(with_texts, self._statements)

    def change_password(self, account: str, password: Secret, request_id: str) -> str:
        """Raises `Refused` when not exactly one row is the account's, or when something else than the hash was kept."""
        hashed = hash_password(password, self._scheme, self._prefix)
        parameters = {**about(account), "password_hash": hashed, "request_id": request_id}
        with self._database.transaction(hashed) as connection:
            _exactly_one(len(connection.execute(self._select, parameters).all()), account, self._table)
            _exactly_one(connection.execute(self._update, parameters).rowcount, account, self._table)
            kept = [str(value).rstrip() for value in connection.execute(self._select, parameters).scalars()]
            if kept != [hashed]:
                msg = f"{self._table}.{self._column} kept something else than the hash; is it too short, or a trigger?"
                raise Refused(msg)
        return f"{self._scheme} hash replaced in {self._table}"

    def check(self) -> str:
        """Let the database explain both statements, and look whether a hash fits. Raises `ConfigError`."""
        with self._database.checking() as connection:
            for statement in self._statements:
                explain(connection, statement, NOBODY)
            length = _length(connection, self._table, self._column)
        needed, bare = (len(hash_password(NEW, self._scheme, prefix)) for prefix in (self._prefix, False))
        if length is not None and length < needed:
            msg = (
                f"{self._database.shown}: {self._table}.{self._column} holds {length} characters, and a {self._scheme} "
                f"hash has {needed}; widen the column{', or write prefix = false' if bare <= length else ''}"
            )
            raise ConfigError(msg)
        return f"{self._database.shown}: passwords in {self._table}.{self._column} can be changed ({self._scheme})"


class SqlAppPasswordRevoker:
    """One DELETE or UPDATE. An account without app passwords is fine."""

    def __init__(self, settings: SqlAppPasswords, password: Secret | None) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        self._database = SqlDatabase(settings, password)
        self._revoke = settings.revoke

    def revoke_app_passwords(self, account: str, request_id: str) -> str:
        """Doing it again finds nothing more."""
        with self._database.transaction() as connection:
            parameters = {**about(account), "request_id": request_id}
            revoked = connection.execute(with_texts(self._revoke), parameters).rowcount
        return f"{revoked} app passwords revoked"

    def check(self) -> str:
        with self._database.checking() as connection:
            explain(connection, self._revoke, NOBODY)
        return f"{self._database.shown}: app passwords can be revoked"


def _exactly_one(rows: int, account: str, table: str) -> None:
    if rows != 1:
        msg = f"{table} has {'no such account' if rows == 0 else 'more than one row'}: {account}"
        raise Refused(msg)


def _length(connection: Connection, table: str, column: str) -> int | None:
    """How many characters the column holds; None where there is no limit, or no plain name to ask for."""
    question = LENGTHS.get(connection.dialect.name)
    if question is None or not re.fullmatch(r"[\w.\"`]+", table):
        return None
    schema, _, name = table.replace("`", "").rpartition(".")
    names = {"whole": table, "schema": schema, "name": name, "column": column.strip('"`')}
    length = connection.execute(with_texts(question), names).scalar()
    return None if length is None else int(length)
