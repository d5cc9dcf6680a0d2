"""Opens the database of the records: connections, schema version, and errors in our own words."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoResultFound, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from detector.config import ConfigError
from detector.ports import Temporary
from detector.records.schema import HEAD

# FULL: what was told to the caller survives a power failure too (https://sqlite.org/pragma.html#pragma_synchronous).
# secure_delete: what is erased is overwritten, so that it does not stand in the file any more.
PRAGMAS = (
    "busy_timeout = 10000",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
)

PATIENCE = 10
"""Seconds, for each thing one may wait for. A relay that waits for its database longer has no use for the answer."""

LITTLE_BYTES = 1_000_000
"""With less free, a disk is full: SQLite wants some pages for its journal (-wal) and its index (-shm)."""

# What libpq and the server offer against waiting for ever; the last is for a host that is gone without a word
# (https://www.postgresql.org/docs/15/libpq-connect.html, runtime-config-client.html).
POSTGRESQL = {
    "connect_timeout": PATIENCE,
    "options": f"-c statement_timeout={PATIENCE}s -c lock_timeout={PATIENCE}s"
    f" -c idle_in_transaction_session_timeout={6 * PATIENCE}s",
    "tcp_user_timeout": PATIENCE * 1000,
    "application_name": "detector",
}


def open_engine(url: str) -> Engine:
    """Connect, and bring the schema to the newest version. Raises `ConfigError` or `Temporary`."""
    try:
        engine = _engine(url)
    except (ArgumentError, ImportError) as error:
        msg = f"records.url: {error}"
        raise ConfigError(msg) from error
    try:
        with errors_named("open"), _alone(engine):
            _ensure_schema(engine)
    except BaseException as error:
        engine.dispose()
        if isinstance(error, Temporary) and (file := sqlite_file(url)) is not None:
            raise Temporary(f"{error}; {_room_for(file)}") from None
        raise
    return engine


def sqlite_file(url: str) -> Path | None:
    """None: the database is a server's."""
    parts = make_url(url)
    return Path(str(parts.database)).absolute() if parts.get_backend_name() == "sqlite" else None


def open_read_only(url: str) -> Engine:
    """A SQLite file as it stands, where `open_engine` cannot write.

    Raises `Temporary` if not everything is in it, or its tables are those of an older program.
    """
    path = Path(str(make_url(url).database)).absolute()
    journal = path.with_name(f"{path.name}-wal")
    with errors_named("open"):
        if journal.exists() and journal.stat().st_size > 0:
            msg = f"records: open: the newest entries are in {journal} and cannot be read where nothing can be written"
            raise Temporary(msg)
    # immutable: SQLite would make its -shm file for reading too, and must not be asked for what a server writes
    # meanwhile (https://sqlite.org/wal.html section 5). Without a journal no server has written anything yet.
    engine = create_engine(f"sqlite:///file:{quote(str(path))}?mode=ro&immutable=1&uri=true")
    with errors_named("open"), engine.connect() as connection:
        version = _version(connection)
    if version != HEAD:
        engine.dispose()
        msg = f"records: open: schema version {version} cannot be brought to {HEAD} where nothing can be written"
        raise Temporary(msg)
    return engine


def stored_version(url: str) -> str | None:
    """The schema version of a database that is there, which stays as it is; None: it is empty. Raises `Temporary`."""
    engine = _engine(url)
    try:
        with errors_named("open"), engine.connect() as connection:
            return _version(connection)
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    if not make_url(url).drivername.startswith("postgresql"):
        return create_engine(url)
    # Each connection is tried before it is used: after a restart of the server those of before are dead.
    return create_engine(url, connect_args=POSTGRESQL, pool_timeout=PATIENCE, pool_pre_ping=True)


def _room_for(file: Path) -> str:
    """What to do about a file that cannot be opened: SQLite calls it a disk I/O error, too, when the disk is full."""
    try:
        free = shutil.disk_usage(file.parent).free
    except OSError as error:
        return f"the directory of {file} cannot be read: {error.strerror}"
    if free < LITTLE_BYTES:
        return f"the disk of {file} is full, {free} octets are free: make room there and start again"
    return f"{free} octets are free on the disk of {file}: see whether the service may write there, and start again"


@contextmanager
def errors_named(operation: str) -> Iterator[None]:
    """Turn errors of the database into `Temporary`, without the statement: its parameters are personal."""
    try:
        yield
    except (DBAPIError, PoolTimeout, OSError) as error:
        problem = error.orig if isinstance(error, DBAPIError) else error
        msg = f"records: {operation}: {problem}"
        raise Temporary(msg) from None
    except NoResultFound:
        msg = f"records: {operation}: a row that is always there is missing: restore a backup, find out who removed it"
        raise Temporary(msg) from None


def snapshot(connection: Connection) -> None:
    """Call it first of all: what the transaction reads is then of one moment. In SQLite it always is."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """No other process opens a SQLite file of this directory meanwhile: SQLite does not wait for the switch to WAL."""
    if engine.dialect.name != "sqlite":
        yield
        return
    if engine.url.database in {None, "", ":memory:"}:
        msg = "records.url: SQLite needs a file, for example sqlite:////var/lib/detector/records.sqlite"
        raise ConfigError(msg)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    path = Path(str(engine.url.database))
    # The directory and not the file: closing the file would also drop SQLite's own locks on it
    # (https://sqlite.org/howtocorrupt.html section 2.2).
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        if not path.exists():
            path.touch(mode=0o600)  # before SQLite makes it: it holds what customers do
        yield
    finally:
        os.close(directory)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin a transaction only before the first write; then what was read before may be outdated.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


def _ensure_schema(engine: Engine) -> None:
    try:
        with engine.connect() as connection:
            if _version(connection) == HEAD:
                return
        # Whoever comes second waits here and then finds the work done.
        with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('detector records schema'))"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))  # a large table may take its time
            version = _version(connection)
            if version != HEAD:
                _migrate(connection, version)
    except OperationalError:
        raise
    except ProgrammingError as error:
        if engine.dialect.name != "postgresql":
            raise
        msg = (
            f"records.url: {str(error.orig).splitlines()[0]}. The schema must be made or brought up to date: run "
            f"`detector records upgrade` as the owner of the tables (PGUSER), then grant the service its rights"
        )
        raise ConfigError(msg) from error
    except DatabaseError as error:
        # Nothing is moved away here: incidents and the audit log are not ours to throw away.
        msg = f"records.url: the database is damaged, or not ours ({error.orig}); restore a backup, or move it away"
        raise ConfigError(msg) from error


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if version is None else str(version)


def _migrate(connection: Connection, version: str | None) -> None:
    # Imported late: it takes 0.3 s, and nearly every start finds the schema ready.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        msg = f"records.url: the database has schema version {version}, newer than this program ({HEAD}): upgrade it"
        raise ConfigError(msg)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
