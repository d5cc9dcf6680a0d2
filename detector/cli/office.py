"""The operator's place of work: configuration, records, profiles, and the audit log that tells who looked at what."""

import os
import pwd
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from detector.cli.ends import command
from detector.cli.roles import NotAllowed, Role, demand, has_rights_of_owner, person, role_of
from detector.config import Config, ConfigError, load
from detector.ports import Clock, Temporary
from detector.records.incidents import PROGRAM
from detector.records.records import Records
from detector.response.secret import read_secret
from detector.state.stored import StoredProfiles, stored_profiles


@dataclass(frozen=True, slots=True)
class Office:
    """`actor` is what the audit log calls the person at the keyboard; `role` is theirs, None for nobody we know."""

    config: Config
    records: Records
    actor: str
    clock: Clock
    role: Role | None

    @property
    def profiles(self) -> StoredProfiles:
        """Where the server has them. Raises `ConfigError`."""
        return profiles_of(self.config)

    def need(self, role: Role) -> None:
        """Raises `NotAllowed`, and tells the audit log, unless the person has this role."""
        try:
            demand(role, self.role, command())
        except NotAllowed:
            self._note("refused", command(), f"needs {role}, has {self.role or 'no role'}")
            raise

    def looked(self, at: str, subject: str = "") -> None:
        """Tell the audit log before anything is shown.

        A full disk must not hide who is blocked: a look that cannot be noted is told on standard error instead.
        """
        self._note(f"look at {at}", subject, "")

    def _note(self, action: str, subject: str, detail: str) -> None:
        try:
            self.records.audit(self.actor, action, subject, self.clock(), detail)
        except Temporary as error:
            print(f"detector: this look is not in the audit log: {error}", file=sys.stderr)


@contextmanager
def opened(config_file: Path, actor: str, needs: Role = Role.ADMIN) -> Iterator[Office]:
    """For a person who has the role that the command needs; a command that states none needs the highest.

    Raises `ConfigError`, `Temporary` and `NotAllowed`.
    """
    config = load(config_file)
    typist = login(config.state.directory)
    who = name_of(actor, typist)
    role = role_of(config.operators, person(typist, config.state.directory))
    _refuse_to_begin(config)
    records = _open_records(config)
    try:
        office = Office(config, records, who, clock, role)
        office.need(needs)
        yield office
    finally:
        records.close()


def _open_records(config: Config) -> Records:
    """Raises `ConfigError` and `Temporary`."""
    try:
        return Records(config.records_url)
    except Temporary:
        if sqlite_file(config) is None:
            raise
        with suppress(Temporary):
            return Records(config.records_url, read_only=True)
        raise


def profiles_of(config: Config) -> StoredProfiles:
    """Where a server has them. Raises `ConfigError`."""
    state = config.state
    return stored_profiles(state, read_secret(state.password) if state.password else None)


def clock() -> float:
    """Unix seconds. `app.py` has the clock of the relay, and loading it would load the relay."""
    return time.time()  # noqa: TID251 - the reason stands above


def login(directory: Path) -> str:
    """The login of the person, also behind sudo; `directory` is the service's own.

    `SUDO_USER` is sudo's word only in a process with the rights of root or of the service. In any other whoever types
    has set it, to be somebody else to the roles and to the audit log.
    """
    behind_sudo = os.environ.get("SUDO_USER", "") if has_rights_of_owner(directory) else ""
    try:
        return behind_sudo or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a number without a name
        return f"uid {os.getuid()}"


def name_of(actor: str, login: str) -> str:
    """What the audit log writes; who names somebody else (as a web page does for its user) stands beside it.

    >>> name_of("", "ann"), name_of("ben", "ann"), name_of("ann", "ann")
    ('ann', 'ben (by ann)', 'ann')
    """
    if actor and actor != login:
        return f"{actor} (by {login})"
    if login == PROGRAM:
        msg = f"the audit log calls the program itself '{PROGRAM}': say who you are with --actor NAME"
        raise ConfigError(msg)
    return login


def sqlite_file(config: Config) -> Path | None:
    """Where the records are, if they are in SQLite."""
    parts = urlsplit(config.records_url)
    return Path(parts.path.removeprefix("/")) if parts.scheme.startswith("sqlite") else None


def _refuse_to_begin(config: Config) -> None:
    # A database made here would belong to the operator, and the server could not write it.
    file = sqlite_file(config)
    if file is not None and not file.exists():
        msg = f"there are no records at {file} yet: `detector serve` makes them when it starts for the first time"
        raise ConfigError(msg)
