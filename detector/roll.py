"""Workers outlive a first process that is killed: they take mail until those of the next one do.

All have a file in the state directory in common. Each worker holds a shared lock on it while it lives, and the first
process writes its name there as soon as its own workers take mail.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from threading import Event

NAME_BYTES = 64
LOOK_EVERY = 0.2
LOOKS_ALONE = 300
"""A minute. A service manager starts a first process again within seconds; without one nobody lifts a block."""


class Roll:
    """Of one state directory. All methods raise `OSError`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "workers"

    def enter(self) -> int:
        """A worker lives for as long as it keeps this descriptor open."""
        descriptor = self._open()
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return descriptor

    def anybody(self) -> bool:
        """Whether a worker lives."""
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def take_over(self, name: str) -> None:
        """From now on the workers of the first process of this name take mail, and all others may end."""
        descriptor = self._open()
        try:
            os.pwrite(descriptor, name.encode().ljust(NAME_BYTES), 0)
        finally:
            os.close(descriptor)

    def holder(self) -> str:
        """Of whom that was said last. Raises also when the file is gone."""
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            return os.pread(descriptor, NAME_BYTES, 0).decode("utf-8", "replace").rstrip()
        finally:
            os.close(descriptor)

    def outlive(self, name: str, told_to_end: Event) -> None:
        """Return when a worker is not needed any more whose first process, of this name, has died. Raises nothing."""
        with contextlib.suppress(OSError):  # the directory is gone: so is the service
            for _ in range(LOOKS_ALONE):
                if told_to_end.wait(LOOK_EVERY) or self.holder() != name:
                    return

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
