"""Which messages in Postfix's queue we have put on hold, on disk: others put messages on hold for other reasons."""

import hashlib
import json
import os
from collections.abc import Set
from pathlib import Path

from detector.host import sync_directory
from detector.ports import Temporary


class HeldIds:
    """Queue IDs by account, in a file each. What `add` has written survives a power failure.

    The name of a file is a hash: an account may be called anything. The account itself stands inside, for people.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def of(self, account: str) -> frozenset[str]:
        """Raises `Temporary` when the file is there and cannot be read."""
        file = self._file(account)
        try:
            document = json.loads(file.read_text("utf-8"))
            return frozenset(map(str, document["queue_ids"]))
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError, KeyError, TypeError) as error:
            msg = f"{file} cannot be read: {error}"
            raise Temporary(msg) from error

    def add(self, account: str, queue_ids: Set[str]) -> None:
        """Raises `Temporary` when it cannot be written."""
        document = {"account": account, "queue_ids": sorted(self.of(account) | queue_ids)}
        file = self._file(account)
        unfinished = file.with_suffix(".unfinished")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(document, stream)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.rename(file)
            sync_directory(self._directory)
        except OSError as error:
            msg = f"{file} cannot be written: {error}"
            raise Temporary(msg) from error

    def forget(self, account: str) -> None:
        """Raises `Temporary` when the file cannot be removed."""
        try:
            self._file(account).unlink(missing_ok=True)
        except OSError as error:
            msg = f"{self._file(account)} cannot be removed: {error}"
            raise Temporary(msg) from error

    def check(self) -> str:
        """What is wrong with the directory; empty when files can be written there."""
        place = next(path for path in (self._directory, *self._directory.parents) if path.exists())
        usable = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        return "" if usable else f"{place} is not a directory that we can write to"

    def _file(self, account: str) -> Path:
        return self._directory / f"{hashlib.sha256(account.lower().encode()).hexdigest()[:32]}.json"
