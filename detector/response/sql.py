"""Databases that other programs own: a connection for each question, encrypted unless it stays on this host."""

import math
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, String, TextClause, bindparam, create_engine, make_url, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError, SQLAlchemyError

from detector.config import ConfigError, Database
from detector.mail.address import Address
from detector.ports import Refused, Secret, Temporary

FOR_EVER = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
"""What is wrong with the statement or its values will be wrong again; everything else may pass."""

COMPLAINT_LENGTH = 200
# A server that cannot be written because it follows another one. EXPLAIN would not notice.
IS_A_COPY = {"postgresql": "SHOW transaction_read_only", "mysql": "SELECT @@global.read_only"}


class SqlDatabase:
    """One connection for each transaction: they are rare, and one that was kept would be dead when it is needed.

    `settings.timeout` is for the connection and for each statement; a transaction ends after twice that time whatever
    the server does. Nothing of a URL or the environment can switch the certificates off.
    """

    def __init__(self, settings: Database, password: Secret | None, read_only: bool = False) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        self.shown = settings.url
        self._timeout = settings.timeout
        self._read_only = read_only
        self._engine = _engine(settings, password, read_only)

    @contextmanager
    def transaction(self, *hidden: str) -> Iterator[Connection]:
        """Committed at the end of the block, or undone. `hidden`: texts that no complaint may repeat.

        Raises `Refused` for what the database will never do, `Temporary` for all that may pass.
        """
        try:
            with self._engine.connect() as connection:
                with _no_longer_than(2 * self._timeout, connection), connection.begin():
                    self._prepare(connection)
                    yield connection
        except SQLAlchemyError as error:
            msg = f"{self._engine.url.host or self.shown}: {_complaint(error, hidden)}"
            raise (Refused if isinstance(error, FOR_EVER) else Temporary)(msg) from None

    @contextmanager
    def checking(self) -> Iterator[Connection]:
        """A transaction that is always undone, on a server that could be written. Raises `ConfigError`."""
        try:
            with self.transaction() as connection:
                if not self._read_only and _is_a_copy(connection):
                    msg = f"{self.shown} is a copy that cannot be written; name the server that is copied"
                    raise ConfigError(msg)
                yield connection
                connection.rollback()
        except (Temporary, Refused) as error:
            msg = f"{self.shown} cannot be used: {error}"
            raise ConfigError(msg) from error

    def _prepare(self, connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            limit = {"limit": str(math.ceil(1000 * self._timeout))}
            connection.execute(text("SELECT set_config('statement_timeout', :limit, true)"), limit)
        if connection.dialect.name == "mysql" and self._read_only:
            connection.exec_driver_sql("START TRANSACTION READ ONLY")


def about(account: str) -> dict[str, str]:
    """The parameters that every statement about an account may use.

    >>> about("ann@example.org")
    {'account': 'ann@example.org', 'local_part': 'ann', 'domain': 'example.org'}
    """
    address = Address.parse(account)
    return {"account": account, "local_part": address.local_part, "domain": address.domain}


def with_texts(statement: str) -> TextClause:
    """The statement, with parameters that are texts wherever they stand: PostgreSQL would guess, and differently."""
    clause = text(statement)
    return clause.bindparams(*(bindparam(name, type_=String) for name in clause.compile().params))


def explain(connection: Connection, statement: str, parameters: Mapping[str, str]) -> None:
    """Let the server understand the statement and look at our rights, without carrying it out."""
    connection.execute(with_texts(f"EXPLAIN {statement}"), parameters)


def _engine(settings: Database, password: Secret | None, read_only: bool) -> Engine:
    url = make_url(settings.url)
    backend = url.get_backend_name()
    if backend == "sqlite":
        # By its URI, because a path alone would be made if there is no such file.
        path = f"file:{quote(url.database or '')}"
        url = URL.create("sqlite", database=path, query={"mode": "ro" if read_only else "rw", "uri": "true"})
        return create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args={"timeout": settings.timeout})
    if backend == "postgresql":
        url, arguments = url.set(drivername="postgresql+psycopg"), _postgresql(settings)
    else:
        url, arguments = url.set(drivername="mysql+pymysql"), _mysql(settings)
    if password is not None:
        url = url.set(password=password.text)
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
    return engine.execution_options(postgresql_readonly=True) if read_only and backend == "postgresql" else engine


def _postgresql(settings: Database) -> dict[str, Any]:
    """Words of libpq: PostgreSQL's manual, "Parameter Key Words"."""
    arguments: dict[str, Any] = {
        "connect_timeout": max(2, math.ceil(settings.timeout)),  # libpq takes no less than 2
        "tcp_user_timeout": math.ceil(1000 * settings.timeout),
        "gssencmode": "disable",
        "sslmode": "prefer",
    }
    if settings.ca_file is not None:
        _read_authorities(settings.ca_file)
        arguments |= {"sslmode": "verify-full", "sslrootcert": str(settings.ca_file)}
    return arguments


def _mysql(settings: Database) -> dict[str, Any]:
    arguments: dict[str, Any] = {f"{what}_timeout": settings.timeout for what in ("connect", "read", "write")} | {
        "charset": "utf8mb4"
    }
    if settings.ca_file is not None:
        arguments["ssl"] = _read_authorities(settings.ca_file)
    return arguments


def _read_authorities(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        msg = f"{ca_file}: not a file of certificates: {error}"
        raise ConfigError(msg) from error


@contextmanager
def _no_longer_than(seconds: float, connection: Connection) -> Iterator[None]:
    """Cut the line to a PostgreSQL that neither answers nor goes away: libpq itself would wait for ever.

    PyMySQL and SQLite count the time themselves.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    driver: Any = connection.connection.driver_connection
    with socket.socket(fileno=os.dup(driver.fileno())) as line:
        timer = Timer(seconds, _cut, [line])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):  # it is cut already
        line.shutdown(socket.SHUT_RDWR)


def _is_a_copy(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails where the file cannot be written
        return False
    return str(connection.exec_driver_sql(IS_A_COPY[connection.dialect.name]).scalar()) in {"on", "1"}


def _complaint(error: SQLAlchemyError, hidden: tuple[str, ...]) -> str:
    """The first line of what the database says. Further lines of PostgreSQL's repeat whole rows."""
    origin: object = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    arguments: tuple[object, ...] = tuple(getattr(origin, "args", ()))
    words = str(arguments[1]) if len(arguments) == 2 else str(origin)  # PyMySQL's are a number and a text
    for one in hidden:
        words = words.replace(one, "(hidden)")
    return words.strip().partition("\n")[0][:COMPLAINT_LENGTH]
