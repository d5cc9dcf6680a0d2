"""A private Dovecot: logins for Postfix, IMAP sessions to end, and an authentication cache that must be flushed."""

import base64
import imaplib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import bcrypt

from tests.support.ports import HOST, PATIENCE, free_port, greets, wait_for
from tests.support.set_password import set_passwords

DOVECOT = Path("/usr/sbin/dovecot")
NOBODY = 65534  # owns the mailboxes: Dovecot refuses to run mail processes as root
CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
instance_name = {name}
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
# A failure is otherwise answered after 2 s, and a success is remembered only if a cache size is given.
auth_failure_delay = 0
auth_cache_size = 1 M
auth_cache_ttl = 1 hour
auth_cache_negative_ttl = 1 hour
first_valid_uid = {nobody}
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = scheme=BLF-CRYPT username_format=%u {directory}/passwd
}}
# Dovecot never caches logins of a passwd-file; those of other sources it does. This one stands for SQL and LDAP.
passdb {{
  driver = dict
  args = {directory}/dictionary.conf
}}
userdb {{
  driver = static
  args = uid={nobody} gid={nobody} home={directory}/home/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
# Otherwise every failure makes the next login from the same address wait longer: 2, 4, 8, 15 s.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
doveadm_api_key = {api_key}
service doveadm {{
  inet_listener http {{
    port = {doveadm_port}
  }}
}}
service auth {{
  unix_listener {directory}/auth {{
    mode = 0666
  }}
}}
"""
DICTIONARY = """\
uri = file:{directory}/dictionary
default_pass_scheme = BLF-CRYPT
iterate_disable = yes
key passdb {{
  key = passdb/%u
  format = json
}}
passdb_objects = passdb
"""


class Dovecot:
    """One instance. A context manager: leaving it stops every process and removes the directory."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.directory.chmod(0o755)
        self.imap_port = free_port()
        self.doveadm_port = free_port()
        self.api_key = "the doveadm API key"
        self.auth_socket = self.directory / "auth"
        self.passwd_file = self.directory / "passwd"
        self.dictionary = self.directory / "dictionary"
        self.doveadm = ("/usr/bin/doveadm", "-c", str(self.directory / "dovecot.conf"))
        self._process: subprocess.Popen[bytes] | None = None
        self._passwd_changes = 0
        home = self.directory / "home"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        self.passwd_file.touch(0o600)
        shutil.chown(self.passwd_file, "dovecot", "dovecot")
        text = CONFIGURATION.format(
            directory=self.directory,
            name=self.directory.name,
            nobody=NOBODY,
            imap_port=self.imap_port,
            doveadm_port=self.doveadm_port,
            api_key=self.api_key,
        )
        (self.directory / "dovecot.conf").write_text(text, "utf-8")
        (self.directory / "dictionary.conf").write_text(DICTIONARY.format(directory=self.directory), "utf-8")
        set_passwords(self.dictionary, {})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def look_up_in(self, driver: str, settings: str) -> None:
        """One more place to look passwords up, after all others; to be said before the start."""
        file = self.directory / f"{driver}.conf"
        file.write_text(settings, "utf-8")
        with (self.directory / "dovecot.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(f"passdb {{\n  driver = {driver}\n  args = {file}\n}}\n")

    def start(self) -> None:
        """Start it and wait until IMAP greets and the authentication socket answers. Raises `TimeoutError`."""
        with (self.directory / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [DOVECOT, "-F", "-c", self.directory / "dovecot.conf"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        try:
            wait_for(lambda: greets(self.imap_port, b"* OK"), "Dovecot greets")
            wait_for(self.auth_socket.exists, "Dovecot's authentication socket")
        except TimeoutError as error:
            self.stop()
            msg = f"{error}\n{self.log()}"
            raise TimeoutError(msg) from error

    def stop(self) -> None:
        """Stop all its processes; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)

    def log(self) -> str:
        files = (self.directory / "log", self.directory / "output")
        return "".join(file.read_text("utf-8", "replace") for file in files if file.exists())

    def add_users(self, passwords: Mapping[str, str]) -> None:
        """Logins with their passwords, new ones and known ones; all of them can log in when this returns."""
        self._write(passwords)
        for login, password in passwords.items():
            wait_for(lambda: self.authenticates(login, password), f"{login} can log in")  # noqa: B023 - called here

    def add_user(self, login: str, password: str) -> None:
        """The same for one, without waiting until Dovecot has looked at the file."""
        self._write({login: password})

    def _write(self, passwords: Mapping[str, str]) -> None:
        lines = self.passwd_file.read_text("utf-8").splitlines()
        lines = [line for line in lines if line.partition(":")[0] not in passwords]
        for login, password in passwords.items():
            # Cost 4: the cheapest that exists; the strength of these passwords is not what we test.
            hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
            lines.append(f"{login}:{{BLF-CRYPT}}{hashed}::::::")
        self.passwd_file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        # Dovecot looks at most once a second, and only at the size and the second of the last change. The times we set
        # are long ago and all different, so that the next change is seen, whoever makes it.
        self._passwd_changes += 1
        os.utime(self.passwd_file, (self._passwd_changes, self._passwd_changes))

    def add_cached_users(self, passwords: Mapping[str, str]) -> None:
        """Logins that Dovecot remembers from their first use on, for an hour or until it is told to forget."""
        set_passwords(self.dictionary, passwords)

    def authenticates(self, login: str, password: str) -> bool:
        """Ask the socket that Postfix asks, in the words of Dovecot's authentication protocol, version 1."""
        response = base64.b64encode(f"\0{login}\0{password}".encode()).decode()
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rw", encoding="utf-8") as stream:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.auth_socket))
            stream.write(f"VERSION\t1\t2\nCPID\t{os.getpid()}\n")
            stream.flush()
            while stream.readline() != "DONE\n":
                pass
            stream.write(f"AUTH\t1\tPLAIN\tservice=smtp\tresp={response}\n")
            stream.flush()
            return stream.readline().startswith("OK\t")

    @contextmanager
    def imap_session(self, login: str, password: str) -> Iterator[imaplib.IMAP4]:
        """An open IMAP session, logged in. Raises `imaplib.IMAP4.error` if the password is wrong."""
        client = imaplib.IMAP4(HOST, self.imap_port, timeout=PATIENCE)
        try:
            client.login(login, password)
            yield client
        finally:
            client.shutdown()

    def sessions(self) -> list[str]:
        """The logins with an open session, as `doveadm who` knows them."""
        done = subprocess.run(
            [*self.doveadm, "-f", "tab", "who"], capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        return [line.split("\t")[0] for line in done.stdout.splitlines()[1:]]
