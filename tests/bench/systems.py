"""The systems that are measured side by side: each starts in a directory of its own, and all of it is stopped again."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import JUDGED, PASSED, TICKS
from tests.support.detector_process import CHECKOUT, DetectorProcess
from tests.support.packages import missing
from tests.support.ports import HOST, free_port, greets, wait_for
from tests.support.postfix import Postfix

RSPAMD = Path("/etc/rspamd/rspamd.conf")
# What of rspamd needs the DNS, redis, or another service.
WITHOUT = """antivirus.conf arc.conf asn.conf dkim.conf dkim_signing.conf dmarc.conf external_services.conf
fuzzy_check.conf greylist.conf history_redis.conf mx_check.conf neural.conf phishing.conf ratelimit.conf rbl.conf
replies.conf reputation.conf spf.conf surbl.conf url_redirector.conf worker-fuzzy.inc worker-proxy.inc
worker-controller.inc""".split()  # noqa: SIM905
POSTFIX = {"smtpd_client_connection_count_limit": "0", "default_process_limit": "200", "message_size_limit": "67108864"}


@dataclass(frozen=True, slots=True)
class System:
    """One that runs: its name in the table, where it listens, the first of its processes."""

    name: str
    port: int
    process_id: int

    def cpu_seconds(self) -> float:
        """User and system time of all its processes, those that have ended included."""
        return sum(_times(one) for one in _tree(self.process_id)) / TICKS


def why_not(name: str) -> str:
    """Why a system cannot be had here; empty if it can."""
    package = {"postfix": "postfix", "rspamd": "rspamd"}.get(name)
    if package and missing(package):
        return f"not installed: {package}"
    return "needs root" if package == "postfix" and os.geteuid() != 0 else ""


@contextmanager
def running(name: str, directory: Path, next_hop: int) -> Iterator[System]:
    """`raw`, `stock`, `postfix` (smtpd_proxy_filter), `rspamd` (scanning only), `passed` and `judged` (we)."""
    directory.mkdir(parents=True)
    if name in {"passed", "judged"}:
        with DetectorProcess(directory, next_hop, JUDGED if name == "judged" else PASSED) as hop:
            yield System(name, hop.port, hop.process_id)
    elif name == "postfix":
        with Postfix("bench", {**POSTFIX, "smtpd_proxy_filter": f"{HOST}:{next_hop}"}) as postfix:
            yield System(name, postfix.port, postfix.process_id)
    else:
        port = free_port()
        arguments = _rspamd(directory, port) if name == "rspamd" else _relay(name, port, next_hop)
        with _process(arguments) as process_id:
            beginning = b"HTTP/1.1 200" if name == "rspamd" else b"220"
            wait_for(lambda: _answers(port, beginning), f"{name} answers")
            yield System(name, port, process_id)


def _relay(name: str, port: int, next_hop: int) -> list[str]:
    return [sys.executable, "-m", "tests.bench.reference_relays", name, str(port), str(next_hop)]


def _rspamd(directory: Path, port: int) -> list[str]:
    local = directory / "local.d"
    local.mkdir()
    for name in WITHOUT:
        (local / name).write_text("enabled = false;\n")
    (local / "options.inc").write_text(
        f'dns {{ nameserver = ["{HOST}:9"]; timeout = 0.1s; retransmits = 1; }}\nlocal_addrs = [];\n'
        f'pidfile = "{directory}/rspamd.pid";\ntempdir = "{directory}";\n'
    )
    (local / "worker-normal.inc").write_text(f'bind_socket = "{HOST}:{port}";\ncount = 1;\n')
    (local / "logging.inc").write_text(f'type = "file";\nfilename = "{directory}/log";\nlevel = "warning";\n')
    places = [f"--var={name}={directory}" for name in ("DBDIR", "RUNDIR")] + [f"--var=LOCAL_CONFDIR={directory}"]
    owner = ["--insecure"] if os.geteuid() == 0 else []
    return [shutil.which("rspamd") or "/usr/bin/rspamd", "-f", "-c", str(RSPAMD), *places, *owner]


@contextmanager
def _process(arguments: list[str]) -> Iterator[int]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(arguments, cwd=CHECKOUT, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _answers(port: int, beginning: bytes) -> bool:
    if not beginning.startswith(b"HTTP"):
        return greets(port, beginning)
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: bench\r\n\r\n")
            return connection.recv(512).startswith(beginning)
    except OSError:
        return False


def _fields(process_id: int) -> list[str]:
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()


def _times(process_id: int) -> int:
    try:
        return sum(int(field) for field in _fields(process_id)[11:15])  # with those of children that it has waited for
    except (OSError, IndexError):
        return 0


def _tree(root: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
            except (OSError, IndexError):
                continue
    found, waiting = set[int](), [root]
    while waiting:
        process_id = waiting.pop()
        found.add(process_id)
        waiting += children.get(process_id, [])
    return found
