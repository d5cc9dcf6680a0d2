"""The demo's stage: a directory with everything that a provider has, and a running `detector serve` in it."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from detector.cli.demo_sink import HOST
from detector.cli.demo_world import CUSTOMERS, PROVIDER, VICTIM, contacts
from detector.response.hashes import hash_password
from detector.response.secret import new_password

READY_WITHIN = 60.0
STOPPED_WITHIN = 30.0
APPEND = "import sys; file = open(sys.argv[1], 'a'); file.write(sys.stdin.read() + chr(10))"
"""The operators' program: it keeps what it is told."""

CONFIGURATION = """\
# What `detector demo` runs with; deploy/detector.toml explains every setting.
observe = false

[relay]
listen = ["{host}:{relay}"]
hostname = "hop.{provider}"

[next_hop]
servers = ["{host}:{next_hop}"]
tls = {{ mode = "off" }}

[policy_service]
listen = ["{host}:{policy}"]

[state]
directory = {state}

[metrics]
listen = "{host}:{metrics}"

[response.password]
provider = "passwd-file"
path = {users}

[response.directory]
provider = "csv"
path = {customers}

[response.notice]
sender = "abuse@{provider}"
contact = "Telephone +49 555 0100, every day from 8 to 20."

[[response.hooks]]
name = "operators"
action = {{ provider = "command", argv = {argv} }}
"""


class StageError(Exception):
    """The detector did not start or ended too early; the text is the end of its log."""


class Stage:
    """A context manager: leaving it ends the detector. `stolen` is the password that the thief will know."""

    def __init__(self, directory: Path, next_hop_port: int) -> None:
        self.directory = directory
        self.config = directory / "detector.toml"
        self.state = directory / "state"
        self.users = directory / "users"
        self.alerts = directory / "alerts.jsonl"
        self.log = directory / "detector.log"
        self.relay_port, self.policy_port, self._metrics_port = _free_ports(3)
        self.stolen = new_password()
        self._read_to = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.state.mkdir(mode=0o700)
        self._write(next_hop_port)

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C is for us, we end it in order.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "detector", "serve", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """SIGTERM, and SIGKILL for one that does not end."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def new_events(self) -> Iterator[dict[str, Any]]:
        """What the detector has logged since the last call. Raises `StageError` when it has ended."""
        with self.log.open("rb") as file:
            file.seek(self._read_to)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read_to += len(line)
                if line.startswith(b"{"):
                    yield json.loads(line)
        if self._process is not None and self._process.poll() is not None:
            raise StageError(self._end_of_log())

    def password_entry(self, account: str) -> str:
        """The hash that Dovecot would compare with."""
        for line in self.users.read_text("utf-8").splitlines():
            user, _, rest = line.partition(":")
            if user == account:
                return rest.split(":")[0]
        msg = f"{account} has no line in {self.users}"
        raise KeyError(msg)

    def _write(self, next_hop_port: int) -> None:
        customers = self.directory / "customers.csv"
        rows = "".join(f"{account},{address}\n" for account, address in contacts().items())
        customers.write_text(f"account,address\n{rows}", "utf-8")
        passwords = {one.account: new_password() for one in CUSTOMERS} | {VICTIM.account: self.stolen}
        lines = [f"{account}:{hash_password(one, 'BLF-CRYPT')}:1000:1000::::\n" for account, one in passwords.items()]
        self.users.write_text("".join(lines), "utf-8")
        self.users.chmod(0o600)
        self.config.write_text(
            CONFIGURATION.format(
                host=HOST,
                provider=PROVIDER,
                relay=self.relay_port,
                policy=self.policy_port,
                metrics=self._metrics_port,
                next_hop=next_hop_port,
                state=json.dumps(str(self.state)),
                users=json.dumps(str(self.users)),
                customers=json.dumps(str(customers)),
                argv=json.dumps([sys.executable, "-c", APPEND, str(self.alerts)]),
            ),
            "utf-8",
        )

    def _wait_until_ready(self) -> None:
        for _ in range(int(READY_WITHIN * 10)):
            if self._process is not None and self._process.poll() is not None:
                break
            try:
                with urlopen(f"http://{HOST}:{self._metrics_port}/health/ready", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
        raise StageError(self._end_of_log())

    def _end_of_log(self) -> str:
        return f"the detector did not start, or ended; the end of its log:\n{self.log.read_text('utf-8')[-3000:]}"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
