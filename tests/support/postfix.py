"""Private Postfix instances: own directories, own high ports, no chroot; the system's Postfix is not touched."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.ports import HOST, PATIENCE, free_port, greets, wait_for

DAEMONS = Path("/usr/lib/postfix/sbin")
# Directories of a queue with owner and mode as `postfix set-permissions` gives them (postfix-files).
OWNED_BY_POSTFIX = (
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace",
)  # fmt: skip
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
# Everything goes to the next hop, nothing is looked up in the DNS, and what was deferred is tried again after 2 s.
# After 1 s the delivery agent may not have let go of the file yet, and then the queue manager waits for minutes.
MAIN = {
    "compatibility_level": "3.6",
    "inet_interfaces": HOST,
    "inet_protocols": "ipv4",
    "mynetworks": "127.0.0.0/8",
    "mydestination": "",
    "local_recipient_maps": "",
    "alias_maps": "",
    "alias_database": "",
    "local_header_rewrite_clients": "",
    "disable_dns_lookups": "yes",
    "smtp_host_lookup": "native",
    "smtpd_peername_lookup": "no",
    "smtpd_tls_security_level": "none",
    "smtp_tls_security_level": "none",
    "smtp_connect_timeout": "3s",
    "queue_run_delay": "1s",
    "minimal_backoff_time": "2s",
    "maximal_backoff_time": "3s",
    "in_flow_delay": "0",
    "enable_long_queue_ids": "yes",
    "smtpd_error_sleep_time": "0",
    "smtpd_hard_error_limit": "10000",
    "message_size_limit": "52428800",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
}
TRIED_ONCE = {"minimal_backoff_time": "1000s", "maximal_backoff_time": "1000s"}
"""Settings for tests that look at what waits: a look misses a message that is just tried again, as Postfix moves it."""


class Postfix:
    """One instance. A context manager: leaving it stops every process and removes the directory."""

    def __init__(self, name: str, settings: Mapping[str, str], tables: Mapping[str, str] | None = None) -> None:
        """`settings` go over the common ones; `tables` are files in `$config_directory`."""
        self.name = name
        self.port = free_port()
        self.directory = Path()  # made when the instance is entered
        self._settings = {**MAIN, **settings}
        self._tables = tables or {}
        self._master: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Not pytest's directory: that one is closed to the user `postfix`, and UNIX sockets allow 107 characters only.
        self.directory = Path(tempfile.mkdtemp(prefix=f"postfix-{self.name}-"))
        try:
            self._prepare()
            self.start()
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def process_id(self) -> int:
        """Of the master."""
        assert self._master is not None
        return self._master.pid

    @property
    def configuration(self) -> Path:
        return self.directory / "etc"

    def start(self) -> None:
        """Start the master and wait for the greeting. Raises `TimeoutError`, with the log in the text."""
        with (self.directory / "output").open("ab") as output:
            self._master = subprocess.Popen(
                [DAEMONS / "master", "-s", "-c", self.configuration],  # -s: in the foreground
                env={"MAIL_CONFIG": str(self.configuration)}, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            wait_for(lambda: greets(self.port, b"220 "), f"Postfix {self.name} greets on port {self.port}")
        except TimeoutError as error:
            self.stop()
            msg = f"{error}\n{self.log()}\n{(self.directory / 'output').read_text('utf-8', 'replace')}"
            raise TimeoutError(msg) from error

    def stop(self) -> None:
        """Stop the master and all its children; safe to call twice."""
        master, self._master = self._master, None
        if master is None:
            return
        master.terminate()
        try:
            master.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(master.pid, signal.SIGKILL)
            master.wait(PATIENCE)

    def log(self) -> str:
        """Everything that Postfix logged so far."""
        file = self.directory / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def queue(self) -> list[dict[str, Any]]:
        """What waits in the queue, one entry per message, as `postqueue -j` tells it."""
        listing = self._postqueue("-j")
        return [json.loads(line) for line in listing.splitlines()]

    def flush(self) -> None:
        """Try everything in the queue now."""
        self._postqueue("-f")

    def wait_until_queue_empty(self) -> None:
        """Raises `TimeoutError`, with what is left and the end of the log in the text.

        Twice empty: a message that goes back to an earlier part of the queue while it is listed is not in the list.
        """
        try:
            wait_for(lambda: not self.queue() and not self.queue(), f"queue of {self.name} is empty", every=0.1)
        except TimeoutError as error:
            msg = f"{error}\n{self.queue()}\n{self.log()[-4000:]}"
            raise TimeoutError(msg) from error

    def _postqueue(self, option: str) -> str:
        done = subprocess.run(
            ["/usr/sbin/postqueue", "-c", self.configuration, option],
            capture_output=True, text=True, check=True, timeout=PATIENCE,
        )  # fmt: skip
        return done.stdout

    def _prepare(self) -> None:
        self._make_directories()
        settings = {
            "queue_directory": str(self.directory / "queue"),
            "data_directory": str(self.directory / "data"),
            "maillog_file": str(self.directory / "log"),
            "maillog_file_prefixes": str(self.directory),  # the default allows /var only
            "myhostname": f"{self.name}.example",
            **self._settings,
        }
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        main = self.configuration / "main.cf"
        main.write_text(lines, "utf-8")
        (self.configuration / "master.cf").write_text(MASTER.format(port=self.port), "utf-8")
        make_old(self.configuration)
        for name, text in self._tables.items():
            (self.configuration / name).write_text(text, "utf-8")

    def _make_directories(self) -> None:
        self.directory.chmod(0o755)
        queue = self.directory / "queue"
        for path in (self.configuration, queue, queue / "pid"):
            path.mkdir(mode=0o755)
        for name in OWNED_BY_POSTFIX:
            self._directory(queue / name, 0o700)
        self._directory(self.directory / "data", 0o700)
        self._directory(queue / "public", 0o2710, group="postdrop")
        self._directory(queue / "maildrop", 0o1730, group="postdrop")

    @staticmethod
    def _directory(path: Path, mode: int, group: str | None = None) -> None:
        path.mkdir()
        shutil.chown(path, "postfix", group)
        path.chmod(mode)  # after the owner: a change of owner clears the set-group-id bit


def make_old(configuration: Path) -> None:
    """Postfix rereads a file of this second until it is old enough not to be half written: 2 s for each program."""
    for name in ("main.cf", "master.cf"):
        os.utime(configuration / name, (0, 0))


def policy(port: int) -> str:
    """The restriction that asks the policy service; mail flows when nobody answers (`default_action`)."""
    return f"check_policy_service {{ inet:{HOST}:{port}, default_action=DUNNO, timeout=5s, try_limit=1 }}"


def _with_login(auth_socket: Path) -> dict[str, str]:
    return {
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": str(auth_socket),
        "smtpd_sasl_security_options": "noanonymous",
        "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
    }


def without_hop(auth_socket: Path, next_server: int) -> Postfix:
    """Customers log in, and all goes to the next server: what a hop is put beside."""
    return Postfix("submission", {**_with_login(auth_socket), "relayhost": f"[{HOST}]:{next_server}"})


def submission(auth_socket: Path, hop: int, policy_port: int, more: Mapping[str, str] | None = None) -> Postfix:
    """After the queue: customers log in, all goes to the hop, the policy service hears login and queue id."""
    settings = {
        **_with_login(auth_socket),
        "relayhost": f"[{HOST}]:{hop}",
        "smtp_send_xforward_command": "yes",
        "smtpd_end_of_data_restrictions": policy(policy_port),
        **(more or {}),
    }
    return Postfix("submission", settings)


def submission_before_queue(auth_socket: Path, hop: int, policy_port: int, options: str = "") -> Postfix:
    """Before the queue: the customer's transaction goes through the hop while the customer waits.

    The policy service is asked at RCPT: the hop sees the recipients before DATA, and there is no queue id to join by.
    `options` is `speed_adjust` or empty.
    """
    settings = {
        **_with_login(auth_socket),
        "smtpd_proxy_filter": f"{HOST}:{hop}",
        "smtpd_proxy_options": options,
        "smtpd_recipient_restrictions": f"{policy(policy_port)}, permit_sasl_authenticated, reject",
    }
    return Postfix("submission", settings)


def outbound(sink: int, refused: Sequence[str] = ()) -> Postfix:
    """The server behind the hop: delivers to the sink; recipients matching a pattern of `refused` do not exist."""
    lines = "".join(f"/{pattern}/ 550 5.1.1 No such user here\n" for pattern in refused)
    settings = {
        "relayhost": f"[{HOST}]:{sink}",
        "smtpd_authorized_xforward_hosts": "127.0.0.0/8",
        "smtpd_recipient_restrictions": "check_recipient_access regexp:$config_directory/recipients",
    }
    return Postfix("outbound", settings, {"recipients": lines})
