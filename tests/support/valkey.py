"""A private Valkey (or Redis, which Debian 12 has): one instance for a whole run of tests, emptied for each of them."""

import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Sequence
from typing import Self

from tests.support.certificates import Certificate, make_certificate
from tests.support.ports import HOST, PATIENCE, free_port, wait_for
from tests.support.private_server import PrivateServer

PASSWORD = "valkey secret"


def program() -> str:
    """The server that is installed."""
    return shutil.which("valkey-server") or "/usr/bin/redis-server"


class Valkey(PrivateServer):
    """Running from the beginning, in memory only.

    Tests take the fixture `valkey`. `kill`, `freeze`, `thaw` and `start` are for tests of faults. `tls`: on `port` it
    speaks TLS only, and wants a password. `options` are lines of its configuration, as words.
    """

    def __init__(self, options: Sequence[str] = (), tls: bool = False) -> None:
        super().__init__("valkey")
        self.certificate: Certificate | None = None
        self._file = self.directory / "conf"  # a Sentinel writes there what it has found out
        self._file.touch()
        memory = [] if "--sentinel" in options else ["--save", ""]
        self._options = [*options, "--bind", HOST, *memory, "--dir", str(self.directory)]
        if tls:
            self.certificate = made = make_certificate(self.directory, HOST)
            self._options += ["--tls-port", str(self.port), "--port", "0", "--requirepass", PASSWORD]
            self._options += ["--tls-cert-file", str(made.path), "--tls-key-file", str(made.key_path)]
            self._options += ["--tls-auth-clients", "no"]
        else:
            self._options += ["--port", str(self.port)]
        self.start()

    @property
    def bus_port(self) -> str:
        """On which servers of a Cluster talk."""
        return self._options[self._options.index("--cluster-port") + 1]

    @property
    def url(self) -> str:
        return f"{'valkeys' if self.certificate else 'valkey'}://{HOST}:{self.port}/0"

    def _start(self) -> None:
        self._begin([program(), str(self._file), *self._options])
        wait_for(self._answers, f"Valkey answers, see {self.log}")

    def freeze(self) -> None:
        """It accepts connections, or rather the kernel does, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def say(self, *words: str) -> str:
        """One command without spaces in its words; the answer as it stands on the wire."""
        with socket.create_connection((HOST, self.port), timeout=PATIENCE) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.recv(65536).decode("utf-8", "replace").strip()

    def empty(self) -> None:
        """Running, and with nothing in it but what is usual."""
        self.thaw()
        self.start()
        assert self.say("FLUSHALL") == "+OK"
        assert self.say("CONFIG", "SET", "maxmemory", "0") == "+OK"

    def _answers(self) -> bool:
        assert self.running, self.log.read_text("utf-8", "replace")
        try:
            if self.certificate is None:
                return self.say("PING") == "+PONG"
            with socket.create_connection((HOST, self.port), timeout=PATIENCE):
                return True
        except OSError:
            return False

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)


class Cluster:
    """Three servers that share the keys, without replicas. A context manager."""

    def __init__(self) -> None:
        with contextlib.ExitStack() as stack:
            options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "15000", "--cluster-port")
            self.servers = [stack.enter_context(Valkey([*options, str(free_port())])) for _ in range(3)]
            self._stack = stack.pop_all()
        first, *others = self.servers
        for server in others:
            assert server.say("CLUSTER", "MEET", HOST, str(first.port), first.bus_port) == "+OK"
        for number, server in enumerate(self.servers):
            ends = (str(16384 * number // 3), str(16384 * (number + 1) // 3 - 1))
            assert server.say("CLUSTER", "ADDSLOTSRANGE", *ends) == "+OK"
            server.say("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        self.empty()

    def empty(self) -> None:
        """All servers running, and with nothing in them."""
        for server in self.servers:
            server.empty()
        wait_for(lambda: all(map(self._is_whole, self.servers)), "the Cluster is whole")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        return "valkey+cluster://" + ",".join(f"{HOST}:{server.port}" for server in self.servers)

    @staticmethod
    def _is_whole(server: Valkey) -> bool:
        said = server.say("CLUSTER", "INFO")
        return "cluster_state:ok" in said and "cluster_known_nodes:3" in said and "cluster_slots_ok:16384" in said


class Sentinel:
    """A master, a replica, and one Sentinel that watches them. A context manager."""

    def __init__(self) -> None:
        with contextlib.ExitStack() as stack:
            self.master = stack.enter_context(Valkey(["--repl-diskless-sync-delay", "0"]))
            master = (HOST, str(self.master.port))
            replica = stack.enter_context(Valkey(["--replicaof", " ".join(master)]))
            wait_for(lambda: "master_link_status:up" in replica.say("INFO", "replication"), "the replica has all")
            self._watcher = stack.enter_context(Valkey(["--sentinel"]))
            self._stack = stack.pop_all()
        assert self._watcher.say("SENTINEL", "MONITOR", "accounts", *master, "1") == "+OK"
        wait_for(
            lambda: "num-slaves\r\n$1\r\n1" in self._watcher.say("SENTINEL", "MASTER", "accounts"), "it knows both"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        return f"valkey+sentinel://{HOST}:{self._watcher.port}/accounts/0"

    def fail_over(self) -> None:
        """Make the replica the master; returns when it is."""
        wait_for(lambda: self._watcher.say("SENTINEL", "FAILOVER", "accounts") == "+OK", "it has looked at the replica")
        old = str(self.master.port)
        wait_for(
            lambda: old not in self._watcher.say("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "accounts"), "it is another"
        )
