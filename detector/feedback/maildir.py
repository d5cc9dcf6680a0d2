"""Reports in a Maildir: one that a mail server delivers into, or our own, where reports wait for their effect.

Whatever is in `new` takes effect first, and then leaves: an own one is erased, another goes to `cur` as read. A crash
in between takes it again, which counts nothing twice.
"""

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from detector import log
from detector.content.mime import MOST_BYTES
from detector.metrics import Metrics
from detector.ports import Temporary

AT_ONCE = 500
"""Files in a round: the others wait for the next one."""
ROUND_EVERY = 1.0
AGAIN_AFTER = 5.0
"""Seconds after a failure."""

Take = Callable[[bytes], Awaitable[str]]


class Full(Exception):
    """So many reports wait that no more can be kept."""


@dataclass(frozen=True, slots=True)
class Spool:
    """Our own Maildir. Blocks."""

    directory: Path
    most: int = 2_000
    """Reports that may wait."""

    def make(self) -> None:
        """Raises `OSError`."""
        for part in ("tmp", "new", "cur"):
            (self.directory / part).mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, name: str, octets: bytes) -> None:
        """Durable when it returns, as far as it will be looked at. Raises `Full`, and `OSError` of the disk."""
        if len(_names(self.directory / "new", self.most)) >= self.most:
            raise Full
        unfinished, target = self.directory / "tmp" / name, self.directory / "new" / name
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                _give_to_owner(file.fileno(), self.directory)
                file.write(octets[: MOST_BYTES + 1])
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(target)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        _sync(target.parent)

    def tidy(self, before: float) -> None:
        """Erase what we could not read, and what a crash left unfinished, from before (Unix seconds)."""
        for part in ("tmp", "cur"):
            for path in (self.directory / part).iterdir():
                # What is not a file is not ours, and must not keep what is.
                with suppress(FileNotFoundError, IsADirectoryError, PermissionError):
                    if path.lstat().st_mtime < before:
                        path.unlink()


@dataclass(frozen=True, slots=True)
class MaildirReader:
    """`take` gives reports their effect; raises `Temporary`. `own`: what took effect is erased."""

    directory: Path
    take: Take
    metrics: Metrics
    own: bool = False

    async def run(self) -> None:
        """Until it is cancelled."""
        failing = False
        while True:
            try:
                await self.round()
                failing = False
            except (Temporary, OSError) as error:
                self.metrics.feedback_problems.labels("retried").inc()
                if not failing:
                    log.report_failed(str(self.directory), str(error))
                failing = True
            await asyncio.sleep(AGAIN_AFTER if failing else ROUND_EVERY)

    async def round(self) -> int:
        """Give effect to what is there; how many files. Raises `Temporary` or `OSError`; what is left is left."""
        names = await asyncio.to_thread(_names, self.directory / "new", AT_ONCE)
        for name in names:
            await self._one(self.directory / "new" / name)
        return len(names)

    async def _one(self, path: Path) -> None:
        octets = await asyncio.to_thread(_read, path)
        understood = octets is not None
        if octets is None:
            self.metrics.feedback_problems.labels("unreadable").inc()
        else:
            try:
                await self.take(octets)
            except Temporary:
                raise
            except Exception as error:  # a fault of ours with one report must not stop the others
                log.internal_error("report", error)
                self.metrics.feedback_problems.labels("unreadable").inc()
                understood = False
        await asyncio.to_thread(_leave, path, self.own and understood)


def _give_to_owner(descriptor: int, directory: Path) -> None:
    """What root has written is for the server to read."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _names(directory: Path, most: int) -> Sequence[str]:
    """Oldest first by their names, which begin with the time; raises `OSError`."""
    names = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                names.append(entry.name)
            if len(names) >= 20 * most:
                break
    return sorted(names)[:most]


def _read(path: Path) -> bytes | None:
    """At most so much as is looked at of a report; None for what is no plain file, or not for us to read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(MOST_BYTES + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _leave(path: Path, erase: bool) -> None:
    """Raises `OSError`; somebody else may have read it meanwhile."""
    if erase:
        path.unlink(missing_ok=True)
        return
    name = path.name if ":2," in path.name else f"{path.name}:2,S"
    try:
        path.rename(path.parent.parent / "cur" / name)
    except FileNotFoundError:
        if os.path.lexists(path):  # there is no `cur`: it would be read again and again
            raise


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
