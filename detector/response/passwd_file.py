"""Changes a password in a Dovecot passwd-file: that user's hash, and no other byte."""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from detector.config import ConfigError, PasswdFileProvider
from detector.ports import Refused, Secret, Temporary
from detector.response.hashes import hash_password

# Dovecot looks whether the file has changed in the first look-up of each second of its clock only (db-passwd-file.c).
# Without this wait, 7 of 8 logins with the old password right after the change were accepted (2.3.19): a thief whose
# session was ended would have been back in at once, with a session that lasts.
SETTLING_TIME = 1.1


class PasswdFile:
    """Lines of `user:{SCHEME}hash:uid:gid:gecos:home:shell:extra`, of which all but the first two may be missing.

    The file is replaced by a rename, so Dovecot sees the old file or the new one and never a half. When a change has
    returned, it counts: it waits `settling_time` seconds until Dovecot must have noticed. Owner and mode are kept; a
    symbolic link stays and its target is replaced. The lock is taken on `<file>.lock`, and other programs that write
    the file should take it too (`flock`). One that does not may write back what it had read before our change: after
    the wait we look whether the new hash is still there.

    Setting the same request again sets another hash: harmless, so `request_id` is not needed to be remembered here.
    """

    def __init__(self, settings: PasswdFileProvider, settling_time: float = SETTLING_TIME) -> None:
        self._settling_time = settling_time
        self._path = settings.path
        self._scheme = settings.scheme
        self._ours = Lock()

    def change_password(self, account: str, password: Secret, request_id: str) -> str:  # noqa: ARG002 - see the class
        """Raises `Refused` for an unknown user.

        Raises `Temporary` when the file cannot be read, locked or written, or when another program undid the change.
        """
        hashed = hash_password(password, self._scheme)
        try:
            target = self._path.resolve(strict=True)
            with self._ours, _locked(target):
                lines, changed = replace_hash(target.read_bytes(), account, hashed)
                if not changed:
                    msg = f"{self._path} has no user {account}"
                    raise Refused(msg)
                _replace(target, lines)
            time.sleep(self._settling_time)
            kept = hashed.encode() in self._path.read_bytes()
        except OSError as error:
            msg = f"{self._path} cannot be changed: {error}"
            raise Temporary(msg) from error
        if not kept:
            msg = f"{self._path} was written by another program without the lock, which undid the change"
            raise Temporary(msg)
        return f"{self._scheme} hash replaced in {self._path.name}"

    def check(self) -> str:
        """Read the file, write and remove a copy of nothing beside it with the owner that it needs, open the lock.

        A lock that does not exist is not made: it would belong to whoever checks, often not the user who serves.
        """
        try:
            target = self._path.resolve(strict=True)
            users = sum(1 for line in target.read_bytes().split(b"\n") if _user(line) is not None)
            with _beside(target), contextlib.suppress(FileNotFoundError):
                os.close(_open_lock(target))
        except OSError as error:
            msg = f"passwd-file {self._path} cannot be changed by this user: {error}"
            raise ConfigError(msg) from error
        return f"passwd-file {self._path}: {users} users, can be changed"


def replace_hash(content: bytes, account: str, hashed: str) -> tuple[bytes, int]:
    """The file with the account's hash replaced, and the number of lines that changed.

    Dovecot folds the case of login names by default (auth_username_format), so a name that stands nowhere exactly is
    looked for without regard to case. A user that stands there twice is changed twice: no old password may survive.
    """
    lines = content.split(b"\n")
    wanted = os.fsencode(account)
    places = [i for i, line in enumerate(lines) if _user(line) == wanted]
    if not places:
        folded = account.casefold()
        places = [i for i, line in enumerate(lines) if os.fsdecode(_user(line) or b"").casefold() == folded]
    for i in places:
        end = b"\r" if lines[i].endswith(b"\r") else b""
        fields = lines[i].removesuffix(end).split(b":", 2)
        fields[1:2] = [hashed.encode()]
        lines[i] = b":".join(fields) + end
    return b"\n".join(lines), len(places)


def _user(line: bytes) -> bytes | None:
    """The user of a line; None for comments and empty lines."""
    stripped = line.strip()
    if not stripped or stripped.startswith(b"#"):
        return None
    return line.rstrip(b"\r").split(b":", 1)[0]


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    like = target.stat()
    with contextlib.suppress(FileExistsError):
        # For the owner of the file, whoever we are: root must not leave a lock that the service cannot take.
        _create(_lock_of(target), like, like.st_mode & 0o660 | 0o600)
    descriptor = _open_lock(target)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        msg = f"{target} is locked by another program"
        raise Temporary(msg) from error
    try:
        yield
    finally:
        os.close(descriptor)  # and the lock goes with it; the file stays, or two programs could lock two files


def _lock_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.lock")


def _open_lock(target: Path) -> int:
    return os.open(_lock_of(target), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """An empty file in the same directory with the target's owner and mode, removed if it is still there at the end."""
    like = target.stat()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    _create(temporary, like, like.st_mode & 0o7777)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _create(path: Path, like: os.stat_result, mode: int) -> None:
    """An empty file with that owner and mode, or none. Raises `OSError`, also when something stands there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        ours = os.fstat(descriptor)
        if (like.st_uid, like.st_gid) != (ours.st_uid, ours.st_gid):
            os.fchown(descriptor, like.st_uid, like.st_gid)
        os.fchmod(descriptor, mode)  # after fchown, which may clear bits
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(descriptor)


def _tell_apart(descriptor: int, target: Path) -> None:
    """Let the new file's time differ from the old one's by a whole second.

    Dovecot recognises another file by its size and the second of its time, and a hash of the same scheme has the same
    size: of two changes within one second it would never see the second one.
    """
    new, old = os.fstat(descriptor), target.stat()
    if int(new.st_mtime) <= int(old.st_mtime):
        os.utime(descriptor, (new.st_atime, int(old.st_mtime) + 1))


def _replace(target: Path, content: bytes) -> None:
    """Durable when it returns: the content before the name, the name before the answer."""
    with _beside(target) as temporary:
        with temporary.open("r+b") as file:
            file.write(content)
            file.flush()
            _tell_apart(file.fileno(), target)
            os.fsync(file.fileno())
        temporary.rename(target)
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
