"""Databases that other programs own: customers' passwords, app passwords and addresses.

Passwords of the database stand nowhere in a URL, statements have bound parameters only, and what a statement must not
be is refused before it is ever sent.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator

from detector.config.errors import Contradiction
from detector.config.values import AbsolutePath, Flag, Seconds, SecretSource, Section, is_this_host

ABOUT_ACCOUNT = ("account", "local_part", "domain")
PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?![:\w])")
"""A bound parameter as SQLAlchemy's `text` finds it: `:name`, but not PostgreSQL's cast `::type`."""

SOCKETS = {"postgresql": "host", "mysql": "unix_socket", "mariadb": "unix_socket"}
"""What each database calls its socket in a URL: PostgreSQL's is the directory, MariaDB's the file."""

UPDATE = re.compile(
    r"\s*UPDATE\s+(?P<table>.+?)\s+SET\s+(?P<changes>.+?)\s+WHERE\s+(?P<condition>.+?)\s*", re.IGNORECASE | re.DOTALL
)
CHANGE = re.compile(r"(?<![\w.])(?P<column>[\w\"`]+)\s*=\s*:password_hash\b")


def _url(url: str) -> str:
    parts = urlsplit(url)
    backend = parts.scheme.partition("+")[0]
    if backend not in {"sqlite", *SOCKETS}:
        msg = "not a database we know; write postgresql://user@host/database, mysql://... or sqlite:////path/file"
        raise ValueError(msg)
    if parts.password is not None:
        msg = "the password must not stand here; write password = { file = ... } or { environment = ... }"
        raise ValueError(msg)
    if backend == "sqlite":
        if not parts.path.startswith("//") or parts.netloc or parts.query:
            msg = f"'{url}' is no absolute path; one has four slashes and nothing behind it: sqlite:////path/file"
            raise ValueError(msg)
        return url
    socket = SOCKETS[backend]
    words = parse_qs(parts.query, keep_blank_values=True)
    if set(words) - {socket, "port"} or not all(path.startswith("/") for path in words.get(socket, [])):
        # Other words could switch the encryption off.
        msg = f"behind the `?` only {socket}=/path of a socket and port=number may stand; certificates are `ca_file`"
        raise ValueError(msg)
    if not parts.hostname and socket not in words:
        # Otherwise the environment of whoever starts us would choose it.
        msg = (
            f"'{url}' names no host; write {backend}://user@host/database or {backend}://user@/database?{socket}=/path"
        )
        raise ValueError(msg)
    if not parts.path.strip("/"):
        msg = f"'{url}' names no database; write {backend}://user@host/database"
        raise ValueError(msg)
    return url


class Database(Section):
    """Where it is and how we prove who we are. `timeout` is for the connection and for each statement."""

    url: Annotated[str, AfterValidator(_url)]
    password: SecretSource | None = None
    ca_file: AbsolutePath | None = None
    timeout: Seconds = 10.0

    def contradictions(self) -> Iterator[Contradiction]:
        is_file = self.url.startswith("sqlite")
        if is_file and (self.password or self.ca_file):
            text = "a file has neither a password nor a certificate"
            yield Contradiction(text, (("url",), ("password",), ("ca_file",)))
        if not is_this_host(urlsplit(self.url).hostname or "") and self.ca_file is None:
            text = "a database on another host is asked with TLS only; `ca_file` says who signed its certificate"
            yield Contradiction(text, (("url",), ("ca_file",)))


def _one_statement(text: str, verbs: tuple[str, ...], own: tuple[str, ...] = ()) -> str:
    """Begins with one of the verbs, is alone, asks for this account, and knows its parameters."""
    text = text.strip().removesuffix(";").rstrip()
    verb = text.partition(" ")[0].upper() if text else ""
    if verb not in verbs:
        msg = f"must be one {' or '.join(verbs)} statement"
        raise ValueError(msg)
    if ";" in text:
        msg = f"must be one {' or '.join(verbs)} statement, and nothing behind a semicolon"
        raise ValueError(msg)
    used = set(PARAMETER.findall(text))
    known = (*ABOUT_ACCOUNT, *own)
    unknown = sorted(used - set(known))
    if unknown:
        msg = f"knows no :{unknown[0]}; there are {', '.join(f':{name}' for name in known)}"
        raise ValueError(msg)
    if not used & {"account", "local_part"}:
        msg = "must ask for :account (or :local_part and :domain), or it would be about everybody"
        raise ValueError(msg)
    return text


def _update(text: str) -> str:
    text = _one_statement(text, ("UPDATE",), ("password_hash", "request_id"))
    shape = UPDATE.fullmatch(text)
    if shape is None or CHANGE.search(shape["changes"]) is None:
        msg = "must have the shape UPDATE table SET column = :password_hash WHERE ...: what was written is read back"
        raise ValueError(msg)
    if not set(PARAMETER.findall(shape["condition"])) & {"account", "local_part"}:
        msg = "must ask for :account (or :local_part and :domain) behind WHERE, or it would change everybody"
        raise ValueError(msg)
    return text


def _revoke(text: str) -> str:
    text = _one_statement(text, ("DELETE", "UPDATE"), ("request_id",))
    condition = re.split(r"\bWHERE\b", text, maxsplit=1, flags=re.IGNORECASE)[1:]
    if not condition or not set(PARAMETER.findall(condition[0])) & {"account", "local_part"}:
        msg = "must ask for :account (or :local_part and :domain) behind WHERE, or it would be about everybody"
        raise ValueError(msg)
    return text


def _select(text: str) -> str:
    return _one_statement(text, ("SELECT",))


PRESETS = {
    # Dovecot's example table (dovecot-sql.conf.ext). As a passwd-file does, a login may be written in another case.
    "dovecot": "UPDATE users SET password = :password_hash "
    "WHERE username IN (:local_part, lower(:local_part)) AND domain IN (:domain, lower(:domain))",
    "postfixadmin": "UPDATE mailbox SET password = :password_hash, modified = CURRENT_TIMESTAMP "
    "WHERE username IN (:account, lower(:account))",
}


class SqlPassword(Database):
    """A table of accounts. `prefix`: whether the hash has its scheme in front, as Dovecot writes it: {BLF-CRYPT}."""

    provider: Literal["sql"]
    preset: Literal["dovecot", "postfixadmin"] | None = None
    update: Annotated[str, AfterValidator(_update)] | None = None
    scheme: Literal["BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "ARGON2ID"] = "BLF-CRYPT"
    prefix: Flag = True

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        if (self.preset is None) == (self.update is None):
            yield Contradiction("name exactly one of `preset` and `update`", ((),))

    @property
    def statement(self) -> str:
        return self.update or PRESETS[self.preset or ""]

    @property
    def target(self) -> tuple[str, str, str]:
        """The table, the column of the hash, and the condition, as they stand in the statement."""
        shape = UPDATE.fullmatch(self.statement)
        change = CHANGE.search(shape["changes"]) if shape else None
        if shape is None or change is None:
            msg = f"no statement that was read from a configuration: {self.statement}"
            raise ValueError(msg)
        return shape["table"], change["column"], shape["condition"]


class SqlAppPasswords(Database):
    """A table of passwords that accounts made for single programs."""

    provider: Literal["sql"]
    revoke: Annotated[str, AfterValidator(_revoke)]


class SqlDirectory(Database):
    """A table of customers: one SELECT with columns named address, name, language, telephone, postal_address."""

    provider: Literal["sql"]
    select: Annotated[str, AfterValidator(_select)]
