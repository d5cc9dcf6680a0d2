"""The directory of held mail: one encrypted file for each message, complete under its name or not there at all."""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from detector.config import ConfigError
from detector.host import Ground, sync_directory
from detector.relay.held_keys import HoldKeys
from detector.relay.held_seal import Sealer, Unreadable, sealed_by, unseal

COMPLETE, UNFINISHED, SET_ASIDE = ".held", ".new", ".aside"


class HeldFiles:
    """Everything here blocks: call it in a thread. Raises `OSError` where nothing else is said."""

    def __init__(self, directory: Path, keys: HoldKeys) -> None:
        self.directory = directory
        self.keys = keys
        self._ground: Ground | None = None

    # -- one message --

    def create(self, message_id: str, like: os.stat_result | None = None) -> "HeldWriter":
        """`like`: for the owner of that file, whoever we are, as root must not take a message from the service."""
        return HeldWriter(self, message_id, like)

    def read(self, message_id: str) -> Iterator[bytes]:
        """The message, chunk by chunk; believe none of it before the end was reached. Raises `Unreadable`."""
        try:
            file = self.path(message_id).open("rb")
        except FileNotFoundError as error:
            msg = f"the file {self.path(message_id)} is missing"
            raise Unreadable(msg) from error
        except OSError as error:
            msg = f"the file {self.path(message_id)} cannot be opened: {error.strerror}"
            raise Unreadable(msg) from error
        with file:
            yield from unseal(file, self.keys, message_id)

    def path(self, message_id: str) -> Path:
        return self.directory / f"{message_id}{COMPLETE}"

    def erase(self, message_ids: Iterable[str]) -> None:
        for message_id in message_ids:
            self.path(message_id).unlink(missing_ok=True)
        sync_directory(self.directory)

    def rekey(self, message_id: str) -> bool:
        """Encrypt with the newest key; False where that is done already. Raises `Unreadable` too."""
        like: os.stat_result | None = None
        with contextlib.suppress(FileNotFoundError), self.path(message_id).open("rb") as file:
            if sealed_by(file) == self.keys.newest.key_id:
                return False
            like = os.fstat(file.fileno())
        writer = self.create(message_id, like)
        try:
            for octets in self.read(message_id):
                writer.write(octets)
            writer.commit()
        except BaseException:
            writer.abort()
            raise
        return True

    # -- the directory --

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.directory).free

    def hold_alone(self) -> int:
        """Hold the directory for this process, until the descriptor is closed. Raises `ConfigError`."""
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            msg = f"hold.directory: {self.directory} is used by another running detector"
            raise ConfigError(msg) from error
        return lock

    def spool_id(self) -> str:
        """The name of this directory in the records, made once: only who has the files sends them.

        Raises `ConfigError`.
        """
        path = self.directory / "id"
        if not path.exists():
            unfinished = path.with_suffix(UNFINISHED)
            with unfinished.open("w", encoding="ascii") as file:
                file.write(secrets.token_hex(8))
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
            sync_directory(self.directory)
        name = path.read_text("ascii").strip()
        if not name:  # by it all that was held here would be nobody's
            msg = f"hold.directory: {path} is empty; write into it the `spool` that the rows of held mail have"
            raise ConfigError(msg)
        self._ground = Ground(path)
        return name

    def check(self) -> None:
        """Raises `OSError` where this is not the directory any more that has the name which `spool_id` told."""
        if self._ground is not None:
            self._ground.check()

    def complete(self) -> set[str]:
        """The ids of all messages that are here."""
        return {path.name.removesuffix(COMPLETE) for path in self.directory.glob(f"*{COMPLETE}")}

    def sweep(self) -> None:
        """Remove what a crash left unfinished; nobody was told that we have it. Call it before anything is written."""
        for path in self.directory.glob(f"*{UNFINISHED}"):
            path.unlink(missing_ok=True)

    def set_aside(self, message_id: str) -> None:
        path = self.path(message_id)
        path.rename(path.with_suffix(SET_ASIDE))

    def erase_set_aside(self, before: float) -> None:
        """Those that have lain there since before (Unix seconds)."""
        for path in self.directory.glob(f"*{SET_ASIDE}"):
            if path.stat().st_ctime < before:
                path.unlink(missing_ok=True)


class HeldWriter:
    """Writes one message; it is there, and survives a power failure, when `commit` returns."""

    def __init__(self, files: HeldFiles, message_id: str, like: os.stat_result | None = None) -> None:
        self._files = files
        self._target = files.path(message_id)
        self._unfinished = self._target.with_suffix(UNFINISHED)
        descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: IO[bytes] = os.fdopen(descriptor, "wb")
        if like is not None and os.geteuid() == 0:
            os.fchown(descriptor, like.st_uid, like.st_gid)
        self._sealer = Sealer(self._file, files.keys.newest, message_id)

    def write(self, octets: bytes) -> None:
        self._sealer.write(octets)

    def commit(self) -> None:
        self._sealer.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._unfinished.rename(self._target)
        sync_directory(self._files.directory)
        self._files.check()  # else nobody would find it

    def abort(self) -> None:
        """Nothing of it stays, and nothing it had replaced is lost."""
        with contextlib.suppress(OSError):  # a full disk refuses what is buffered once more
            self._file.close()
        self._unfinished.unlink(missing_ok=True)
