"""A private MariaDB: one instance for a whole run of tests, and a database of its own for each test.

Listens on a unix socket in its directory and on a free port of the loopback interface, there with TLS.
"""

import os
import shutil
import socket
import subprocess
from itertools import count

import pymysql

from tests.support.certificates import make_certificate
from tests.support.ports import HOST, wait_for
from tests.support.private_server import PrivateServer

# What a test writes need not survive a power failure, only the death of the process; and a small server starts faster.
SETTINGS = (
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=2",
    "--skip-name-resolve",
    "--skip-log-bin",
)
SUPERUSER = "root"
RUNS_AS = "mysql"  # Debian's package makes this user; as root the server wants to become somebody


class MariaDB(PrivateServer):
    """Running from the beginning."""

    def __init__(self) -> None:
        super().__init__("mariadb")
        self.socket = self.directory / "socket"
        self.certificate = make_certificate(self.directory, HOST)
        self._numbers = count(1)
        self._user = [f"--user={RUNS_AS}"] if os.geteuid() == 0 else []
        if self._user:
            for path in (self.directory, self.certificate.path, self.certificate.key_path):
                shutil.chown(path, RUNS_AS, RUNS_AS)
        self._run(
            "mariadb-install-db", "--no-defaults", f"--datadir={self.directory / 'data'}", "--skip-test-db",
            "--auth-root-authentication-method=normal", *SETTINGS, *self._user,
        )  # fmt: skip
        self.start()

    def _start(self) -> None:
        command = [
            "/usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.directory / 'data'}", f"--socket={self.socket}",
            f"--bind-address={HOST}", f"--port={self.port}", f"--pid-file={self.directory / 'pid'}",
            f"--ssl-cert={self.certificate.path}", f"--ssl-key={self.certificate.key_path}", *SETTINGS, *self._user,
        ]  # fmt: skip
        self._begin(command)
        wait_for(self._answers, f"MariaDB answers, see {self.log}")

    def execute(self, *statements: str, database: str | None = None) -> tuple[tuple[object, ...], ...]:
        """As superuser; the rows of the last statement."""
        with pymysql.connect(
            unix_socket=str(self.socket), user=SUPERUSER, database=database, autocommit=True
        ) as connection:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return tuple(cursor.fetchall())

    def fresh(self) -> str:
        """Make an empty database; its name."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def _answers(self) -> bool:
        # Not by a whole connection: PyMySQL forgets to close a socket that was refused.
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
            except OSError:
                assert self.running, self.log.read_text("utf-8", "replace")
                return False
        return True

    def _run(self, *command: str) -> None:
        with self.log.open("ab") as log:
            done = subprocess.run(command, check=False, stdout=log, stderr=log, cwd=self.directory)
        assert done.returncode == 0, self.log.read_text("utf-8", "replace")
