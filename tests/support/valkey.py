"""A private Valkey (or Redis, which Debian 12 has): one instance for a whole run of tests, emptied for each of them."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.certificates import Certificate, make_certificate
from tests.support.ports import HOST, free_port, wait_for

PASSWORD = "valkey secret"


def program() -> str:
    """The server that is installed."""
    return shutil.which("valkey-server") or "/usr/bin/redis-server"


class Valkey:
    """One instance, running, in memory only. A context manager: leaving it stops the process.

    Tests take the fixture `valkey`. `kill`, `freeze`, `thaw` and `start` are for tests of faults. `tls`: on `port` it
    speaks TLS only, and wants a password. `options` are lines of its configuration, as words.
    """

    def __init__(self, options: Sequence[str] = (), tls: bool = False) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="valkey-"))
        self.log = self.directory / "log"
        self.certificate: Certificate | None = None
        self._options = ["--bind", HOST, "--save", "", "--dir", str(self.directory), *options]
        if tls:
            self.certificate = made = make_certificate(self.directory, HOST)
            self._options += ["--tls-port", str(self.port), "--port", "0", "--requirepass", PASSWORD]
            self._options += ["--tls-cert-file", str(made.path), "--tls-key-file", str(made.key_path)]
            self._options += ["--tls-auth-clients", "no"]
        else:
            self._options += ["--port", str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"{'valkeys' if self.certificate else 'valkey'}://{HOST}:{self.port}/0"

    def start(self) -> None:
        """Returns when it answers. Does nothing if it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([program(), *self._options], stdout=log, stderr=log, cwd=self.directory)
        wait_for(self._answers, f"Valkey answers, see {self.log}")

    def kill(self) -> None:
        """As in a crash: what it had in memory is gone."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(timeout=60)
        self._process = None

    def freeze(self) -> None:
        """It accepts connections, or rather the kernel does, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def say(self, *words: str) -> str:
        """One command without spaces in its words; the answer as it stands on the wire."""
        with socket.create_connection((HOST, self.port), timeout=10) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.recv(65536).decode("utf-8", "replace").strip()

    def empty(self) -> None:
        """Running, and with nothing in it but what is usual."""
        self.thaw()
        self.start()
        assert self.say("FLUSHALL") == "+OK"
        assert self.say("CONFIG", "SET", "maxmemory", "0") == "+OK"

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text("utf-8", "replace")
        try:
            if self.certificate is None:
                return self.say("PING") == "+PONG"
            with socket.create_connection((HOST, self.port), timeout=10):
                return True
        except OSError:
            return False

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)
