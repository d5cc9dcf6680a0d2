"""What the process asks of its host: few rights, directories, one lock, one key, and the ear of the service manager."""

import contextlib
import fcntl
import os
import pwd
import re
import resource
import secrets
import socket
from pathlib import Path

from detector.config import Config, ConfigError, SecretSource

KEY_BYTES = 32

_HEXADECIMAL = re.compile(rb"\s*([0-9A-Fa-f]{64})\s*")


def leave_no_core() -> None:
    """What dies writes no image of its memory: messages and passwords are in it. Our children inherit that."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def become_owner(directory: Path) -> bool:
    """Root goes on as the user whom the directory belongs to, for good; whether the rights of root are left.

    Before any thread starts. Files that root left there could not be opened by the service itself. Raises `ConfigError`
    where that user may not read Python.
    """
    if os.geteuid() != 0:
        return False
    owner = directory.stat() if directory.exists() else None
    if owner is None or owner.st_uid == 0:
        return True
    try:
        user = pwd.getpwuid(owner.st_uid)
    except KeyError:  # in a container it may have no name
        os.setgroups([])
        os.setgid(owner.st_gid)
    else:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
    os.setuid(owner.st_uid)
    if not os.access(os.__file__, os.R_OK):
        msg = f"state.directory: {directory} belongs to user {owner.st_uid}, who may not read {os.__file__}"
        raise ConfigError(f"{msg}; install Python and the detector where that user may")
    return False


def make_directories(config: Config) -> None:
    for directory in (config.state.directory, config.spool_directory, config.hold_directory):
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            msg = f"directory {directory} cannot be made: {error}"
            raise ConfigError(msg) from error


class Ground:
    """A file or directory as it was, to be asked whether that is still what has its name.

    What is written into a file that was removed is gone with the process, and nobody is told.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._was = self._now()

    def check(self) -> None:
        """One look at the directory, some microseconds. Raises `OSError` where it is gone, or another one."""
        if not self.stands():
            msg = f"{self._path} was removed or replaced while it was in use: put it back and restart the detector"
            raise OSError(msg)

    def stands(self) -> bool:
        """As `check`. What was not there yet may come."""
        return self._was is None or self._now() == self._was

    def _now(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116  a third of the time of `Path.stat`
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino


def hold_alone(directory: Path) -> int:
    """Hold the state directory for this process: two would overwrite each other's profiles. Raises `ConfigError`."""
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        msg = f"state.directory: {directory} is used by another running detector"
        raise ConfigError(msg) from error
    return lock


def held_by_a_server(directory: Path) -> bool:
    """Whether a process holds the state directory now. Raises `OSError` where that cannot be seen."""
    lock = directory / "lock"
    if not lock.exists():
        return False
    descriptor = os.open(lock, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def recipient_key(path: Path) -> bytes:
    """The secret of all hashes in profiles. Without it, every recipient is a stranger again. Raises `ConfigError`."""
    return own_key(path, "restore it, or remove it: all recipients will be new")


def own_key(path: Path, advice: str) -> bytes:
    """A secret of ours, made once. Raises `ConfigError` with the advice for a file that cannot be ours."""
    if not path.exists():
        unfinished = path.with_suffix(".new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        sync_directory(path.parent)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        msg = f"{path} has {len(key)} octets, not {KEY_BYTES}: {advice}"
        raise ConfigError(msg)
    return key


def configured_key(where: str, source: SecretSource) -> bytes:
    """A secret of the operator's, from its file or the environment. Raises `ConfigError` that names the place."""
    if source.file is not None:
        try:
            if source.file.stat().st_mode & 0o007:
                msg = (
                    f"{where}: everybody may read {source.file}; chmod o-rwx {source.file}, or better make another key"
                )
                raise ConfigError(msg)
            written = source.file.read_bytes()
        except OSError as error:
            msg = f"{where}: {source.file} cannot be read: {error.strerror}"
            raise ConfigError(msg) from error
    else:
        written = os.environ.get(source.environment or "", "").encode("utf-8", "surrogateescape")
    if len(written) == KEY_BYTES:
        return written
    match = _HEXADECIMAL.fullmatch(written)
    if match is None:
        what = source.file or f"the variable {source.environment}"
        msg = f"{where}: {what} is no key of 64 hexadecimal digits; make one with `openssl rand -hex 32`"
        raise ConfigError(msg)
    return bytes.fromhex(match[1].decode("ascii"))


def sync_directory(path: Path) -> None:
    """The names in it survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def notify_systemd(state: str) -> None:
    """Tell the service manager (sd_notify(3)); without one this does nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, contextlib.suppress(OSError):
        channel.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
