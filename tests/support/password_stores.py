"""Password stores on real servers, each with the two accounts of the contract and the least rights for the provider."""

import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import bcrypt
import psycopg
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from passlib.hash import sha256_crypt, sha512_crypt

from detector.config import ActiveDirectoryPassword, LdapPassword, SqlPassword
from detector.ports import PasswordProvider, Secret
from detector.response.ldap_password import ActiveDirectoryPasswords, LdapPasswords
from detector.response.sql_password import SqlPasswords
from tests.support.mariadb import MariaDB
from tests.support.openldap import BIND_DN, BIND_PASSWORD, OpenLDAP
from tests.support.ports import HOST
from tests.support.postgres import SUPERUSER, Postgres

ACCOUNTS = ("ann@example.org", "bob@example.org")
DB_PASSWORD = "db secret"
OLD = "$2y$04$" + bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode().removeprefix("$2b$04$")

# As Dovecot's and PostfixAdmin's documentation have them, less the columns that nobody here looks at.
TABLES = {
    "dovecot": "CREATE TABLE users (username VARCHAR(128) NOT NULL, domain VARCHAR(128) NOT NULL, "
    "password VARCHAR(64) NOT NULL)",
    "postfixadmin": "CREATE TABLE mailbox (username VARCHAR(255) NOT NULL PRIMARY KEY, password VARCHAR(255) NOT NULL, "
    "modified TIMESTAMP NULL)",
}
RIGHTS = {
    "dovecot": "GRANT SELECT (username, domain, password), UPDATE (password) ON users TO {user}",
    "postfixadmin": "GRANT SELECT (username, password), UPDATE (password, modified) ON mailbox TO {user}",
}
ROWS = {
    "dovecot": "INSERT INTO users VALUES ('{local_part}', '{domain}', '{hashed}')",
    "postfixadmin": "INSERT INTO mailbox VALUES ('{local_part}@{domain}', '{hashed}', NULL)",
}
HASHES = {
    "dovecot": "SELECT password FROM users WHERE username = '{local_part}' AND domain = '{domain}'",
    "postfixadmin": "SELECT password FROM mailbox WHERE username = '{local_part}@{domain}'",
}
# The password_query of dovecot-sql.conf.ext, for the example table of the same file.
DOVECOT_SQL = """\
driver = pgsql
connect = host={host} port={port} dbname={database} user={user}
default_pass_scheme = BLF-CRYPT
password_query = SELECT username, domain, password FROM users WHERE username = '%n' AND domain = '%d'
"""
DOVECOT_LDAP = """\
uris = {url}
dn = {bind_dn}
dnpass = {bind_password}
auth_bind = yes
base = {base}
pass_filter = (&(objectClass=inetOrgPerson)(mail=%u))
"""


def rows(preset: str, hashed: str = OLD) -> list[str]:
    """Statements that add the accounts."""
    pairs = [account.split("@") for account in ACCOUNTS]
    return [ROWS[preset].format(local_part=local_part, domain=domain, hashed=hashed) for local_part, domain in pairs]


def verifies(hashed: str, password: str) -> bool:
    """Whether the hash, with or without its scheme in front, is of this password."""
    hashed = hashed.rpartition("}")[2]
    if hashed.startswith("$2"):
        return bcrypt.checkpw(password.encode(), hashed.encode())
    if hashed.startswith("$argon2id$"):
        try:
            Argon2id.verify_phc_encoded(password.encode(), hashed)
        except InvalidKey:
            return False
        return True
    return bool({"$6": sha512_crypt, "$5": sha256_crypt}[hashed[:2]].verify(password, hashed))


class Store(ABC):
    """A password store with two accounts, and the provider that changes it."""

    provider: PasswordProvider

    @abstractmethod
    def accepts(self, account: str, password: str) -> bool: ...

    @abstractmethod
    def go_away(self) -> None: ...

    @abstractmethod
    def come_back(self) -> None: ...


class SqlStore(Store):
    """What the SQL stores share. In the 64 characters of Dovecot's example table no hash fits with its prefix."""

    def __init__(self, preset: str, settings: dict[str, Any], password: Secret | None = None) -> None:
        self.preset = preset
        settings = {"provider": "sql", "preset": preset, "prefix": preset != "dovecot", **settings}
        self.provider = SqlPasswords(SqlPassword.model_validate(settings), password)

    def accepts(self, account: str, password: str) -> bool:
        local_part, _, domain = account.partition("@")
        return verifies(self.one(HASHES[self.preset].format(local_part=local_part, domain=domain)), password)

    @abstractmethod
    def one(self, statement: str) -> str:
        """The one value that a SELECT gives, asked as superuser."""


class SqliteStore(SqlStore):
    def __init__(self, preset: str, directory: Path) -> None:
        self.path = directory / "users.sqlite"
        with sqlite3.connect(self.path) as connection:
            for statement in (TABLES[preset], *rows(preset)):
                connection.execute(statement)
        connection.close()
        super().__init__(preset, {"url": f"sqlite:///{self.path}"})

    def one(self, statement: str) -> str:
        connection = sqlite3.connect(self.path)
        try:
            return str(connection.execute(statement).fetchone()[0])
        finally:
            connection.close()

    def go_away(self) -> None:
        self.path.rename(self.path.with_name("away"))

    def come_back(self) -> None:
        self.path.with_name("away").rename(self.path)


class PostgresStore(SqlStore):
    def __init__(self, preset: str, server: Postgres) -> None:
        self.server = server
        self.database = server.fresh()
        user = f"{self.database}_writer"
        server.execute(f"CREATE ROLE {user} LOGIN")
        for statement in (TABLES[preset], RIGHTS[preset].format(user=user), *rows(preset)):
            server.execute(statement, self.database)
        super().__init__(preset, {"url": server.url(self.database, user)})

    def one(self, statement: str) -> str:
        url = self.server.url(self.database, SUPERUSER).replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return str(row[0]) if row else ""

    def go_away(self) -> None:
        self.server.kill()

    def come_back(self) -> None:
        self.server.start()


class MariaDBStore(SqlStore):
    def __init__(self, preset: str, server: MariaDB) -> None:
        self.server = server
        self.database = server.fresh()
        user = f"{self.database}_writer"
        rights = RIGHTS[preset].format(user=f"{user}@'%'")
        server.execute(f"CREATE USER {user}@'%' IDENTIFIED BY '{DB_PASSWORD}' REQUIRE SSL")
        server.execute(TABLES[preset], rights, *rows(preset), database=self.database)
        url = f"mysql://{user}@{HOST}:{server.port}/{self.database}"
        settings = {"url": url, "password": {"environment": "UNUSED"}, "ca_file": server.certificate.path}
        super().__init__(preset, settings, Secret(DB_PASSWORD))

    def one(self, statement: str) -> str:
        return str(self.server.execute(statement, database=self.database)[0][0])

    def go_away(self) -> None:
        self.server.kill()

    def come_back(self) -> None:
        self.server.start()


def person(branch: str, account: str) -> str:
    """An `inetOrgPerson` in LDIF."""
    name = account.partition("@")[0]
    return (
        f"dn: cn={name},{branch}\nobjectClass: inetOrgPerson\ncn: {name}\nsn: {name}\nmail: {account}\n"
        "userPassword: old\n"
    )


def user(branch: str, account: str) -> str:
    """A `user` of Active Directory in LDIF; what comes before the password is what Microsoft's schema demands."""
    name = account.partition("@")[0]
    return (
        f"dn: cn={name},{branch}\nobjectClass: user\ncn: {name}\nsn: {name}\nuserPrincipalName: {account}\n"
        f"instanceType: 4\nnTSecurityDescriptor: x\nobjectCategory: {branch}\nunicodePwd: old\n"
    )


class LdapStore(Store):
    """RFC 3062 over STARTTLS."""

    def __init__(self, server: OpenLDAP) -> None:
        self.server = server
        self.branch = server.fresh()
        for account in ACCOUNTS:
            server.add(person(self.branch, account))
        settings = LdapPassword.model_validate({"provider": "ldap", "starttls": True, **self.settings(server.url)})
        self.provider = LdapPasswords(settings, Secret(BIND_PASSWORD))

    def settings(self, url: str) -> dict[str, Any]:
        return {
            "url": url,
            "ca_file": self.server.certificate.path,
            "bind_dn": BIND_DN,
            "password": {"environment": "UNUSED"},
            "base": self.branch,
        }

    def name_of(self, account: str) -> str:
        return f"cn={account.partition('@')[0]},{self.branch}"

    def accepts(self, account: str, password: str) -> bool:
        return self.server.accepts(self.name_of(account), password)

    def go_away(self) -> None:
        self.server.kill()

    def come_back(self) -> None:
        self.server.start()


class ActiveDirectoryStore(LdapStore):
    """Microsoft's schema on OpenLDAP: accepted is what stands in `unicodePwd`, octet for octet as Windows wants it."""

    def __init__(self, server: OpenLDAP) -> None:
        self.server = server
        self.branch = server.fresh()
        for account in ACCOUNTS:
            server.add(user(self.branch, account))
        settings = {"provider": "active-directory", **self.settings(server.tls_url)}
        self.provider = ActiveDirectoryPasswords(
            ActiveDirectoryPassword.model_validate(settings), Secret(BIND_PASSWORD)
        )

    def accepts(self, account: str, password: str) -> bool:
        kept = self.server.values(self.name_of(account), "unicodePwd")
        return kept == [password.encode() if password == "old" else f'"{password}"'.encode("utf-16-le")]
