"""A private PostgreSQL: one instance for a whole run of tests, and a database of its own for each test.

Listens on a unix socket in its directory and on a free port of the loopback interface, and trusts everybody there.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TypedDict

import psycopg

from tests.support.certificates import make_certificate
from tests.support.ports import HOST, PATIENCE, wait_for
from tests.support.private_server import PrivateServer

# What a test writes need not survive a power failure, only the death of the processes.
FAST = ("fsync=off", "full_page_writes=off")
SETTINGS = (f"listen_addresses={HOST}", "shared_buffers=32MB", "max_connections=100", "log_lock_waits=on")
OWNER = "detector"
"""Owns the databases of the tests; no superuser, as in an installation that is set up well."""
SUPERUSER = "postgres"


class Identity(TypedDict, total=False):
    """Who runs a program, as `subprocess` wants it; empty: whoever runs the tests."""

    user: int
    group: int
    extra_groups: tuple[int, ...]


def programs() -> Path:
    """Where Debian puts initdb and postgres: the newest version that is installed."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


class Postgres(PrivateServer):
    """Running from the beginning.

    Tests take the fixtures `postgres` (the shared instance) and `postgres_url` (a fresh database in it).
    `durable`: with fsync, for tests of what survives. `kill`, `stop` and `start` are for tests of faults.
    """

    def __init__(self, durable: bool = False) -> None:
        super().__init__("postgres")
        self._settings = SETTINGS if durable else SETTINGS + FAST
        self._numbers = count(1)
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self.directory, SUPERUSER, SUPERUSER)
        self._data = self.directory / "data"
        initdb: list[str | Path] = [
            programs() / "initdb",
            "-D",
            self._data,
            "-U",
            SUPERUSER,
            "--auth=trust",
            "--no-sync",
        ]
        self._run([*initdb, "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"])
        self.start()
        self.execute(f"CREATE ROLE {OWNER} LOGIN")

    def _start(self) -> None:
        settings = [argument for setting in self._settings for argument in ("-c", setting)]
        place: list[str | Path] = ["-D", self._data, "-p", str(self.port), "-k", self.directory]
        command: list[str | Path] = [programs() / "postgres", *place, *settings]
        self._begin(command, **self._identity())
        wait_for(self._answers, f"PostgreSQL answers, see {self.log}")

    def stop(self) -> None:
        """An orderly end: whoever is connected is thrown out, everything is written."""
        self._signal(signal.SIGINT)  # "fast" of pg_ctl(1)

    def kill(self) -> None:
        """As in a crash: nobody is told anything. Returns when no process of it is left."""
        if self._process is None:
            return
        pid = self._process.pid
        with contextlib.suppress(FileNotFoundError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
            self._signal(signal.SIGKILL)
            for child in map(int, children):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            # They hold the shared memory, without which the next start is refused.
            wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children), "its processes end")
        self._process = None

    def execute(self, statement: str, database: str = "postgres") -> None:
        """As superuser, outside a transaction."""
        with psycopg.connect(self._parameters(SUPERUSER, database), autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextlib.contextmanager
    def with_tls(self, directory: Path) -> Iterator[Path]:
        """Offers TLS meanwhile; the certificate that is to be trusted. It is made in `directory`."""
        certificate = make_certificate(directory, HOST)
        kept = [self.directory / path.name for path in (certificate.path, certificate.key_path)]
        for made, path in zip((certificate.path, certificate.key_path), kept, strict=True):
            shutil.copy(made, path)
            path.chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(path, SUPERUSER, SUPERUSER)
        for setting, value in (("ssl_cert_file", kept[0]), ("ssl_key_file", kept[1]), ("ssl", "on")):
            self.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
        self.execute("SELECT pg_reload_conf()")
        try:
            yield certificate.path
        finally:
            self.execute("ALTER SYSTEM RESET ALL")
            self.execute("SELECT pg_reload_conf()")

    def throw_out(self, database: str) -> None:
        """Ends all connections to a database."""
        mine = f"datname = '{database}'"
        self.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {mine}")  # noqa: S608

    def fresh(self, template: str = "template1") -> str:
        """Make an empty database (or a copy of `template`); its name."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}")
        return name

    def url(self, database: str, user: str = OWNER, over_socket: bool = False) -> str:
        """As SQLAlchemy has it; `user` may be `SUPERUSER`."""
        if over_socket:
            return f"postgresql+psycopg://{user}@/{database}?host={self.directory}&port={self.port}"
        return f"postgresql+psycopg://{user}@{HOST}:{self.port}/{database}"

    def _parameters(self, user: str, database: str) -> str:
        return f"host={HOST} port={self.port} user={user} dbname={database} connect_timeout=5"

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            assert self.running, self.log.read_text("utf-8", "replace")
            return False
        return True

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=PATIENCE)

    def _run(self, command: list[str | Path]) -> None:
        with self.log.open("ab") as log:
            done = subprocess.run(command, check=False, stdout=log, stderr=log, cwd=self.directory, **self._identity())
        assert done.returncode == 0, self.log.read_text("utf-8", "replace")

    def _identity(self) -> Identity:
        if os.geteuid() != 0:
            return {}
        entry = pwd.getpwnam(SUPERUSER)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": ()}
