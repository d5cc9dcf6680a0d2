"""A log file that is followed by its name, through rotation of both kinds, and beyond our own death.

Renamed: the old file is read until its writers have turned to the new one. Copied and truncated: what was not yet read
stands in the copy. Where that happened while nobody looked, the older files beside it are read in turn, as far as they
are not compressed yet. What is read twice does no harm: it is known by its key.
"""

import asyncio
import re
from pathlib import Path

from detector.feedback.log_lines import OpenLog, Position
from detector.feedback.source import Batch
from detector.ports import Temporary

POLL_TIME = 0.5
"""Seconds between two looks at a log that does not grow."""
QUIET_LOOKS = 2
"""Looks without a new line after which nobody writes to a renamed log: a syslog daemon reopens its files at once."""

_OLDER = re.compile(r"[.\-_]?[\d.\-_T]+")
"""How rotated logs are called, after the name: `.1`, `-20260305`."""


class LogFile:
    """Its `read` blocks and raises `OSError`, as does its making.

    An empty position, or none of ours, begins at the end; a file that is not there yet is read whole when it comes.
    """

    def __init__(self, path: Path, position: str) -> None:
        self._path = path
        self._problems: list[str] = []
        self._quiet = 0
        self._queue: list[OpenLog] = []  # the oldest first; the last one has the name, or had it when we looked last
        before = Position.parse(position)
        current = OpenLog.of(path)
        if before is not None:
            self._queue = self._left_off(before, current)
        elif current is not None:
            current.go_to(current.size_bytes)
            self._queue = [current]

    def close(self) -> None:
        for log in self._queue:
            log.close()
        self._queue.clear()

    def read(self) -> Batch:
        """What is new; without lines if there is nothing."""
        self._look_at_name()
        if not self._queue:
            return self._batch([], "")
        log = self._queue[0]
        left = len(self._queue) > 2 or (len(self._queue) == 2 and self._queue[1].size_bytes > 0)
        lines, too_long = log.lines(ended=left and self._quiet >= QUIET_LOOKS)
        self._problems += ["too_long"] * too_long
        position = str(log.position())
        if lines or too_long:
            self._quiet = 0
            return self._batch(lines, position)
        self._quiet += 1
        if left and self._quiet > QUIET_LOOKS:
            self._quiet = 0
            self._queue.pop(0).close()
        return self._batch([], position)

    def _batch(self, lines: list[bytes], position: str) -> Batch:
        problems, self._problems = tuple(self._problems), []
        return Batch(lines, position, problems)

    def _look_at_name(self) -> None:
        """Take note of what happened to the file since we last looked."""
        if len(self._queue) > 1:
            return  # there is enough to read
        current = self._queue[0] if self._queue else None
        newest = OpenLog.of(self._path)
        if newest is None or current is None:
            self._queue += [newest] if newest is not None else []
        elif newest.identity != current.identity:
            since = self._from(current.position(), newest)
            for log in since[:1]:  # the one that we have open
                log.close()
            self._queue += [*since[1:], newest]
        else:
            newest.close()
            if current.was_truncated():
                before = current.position()
                current.go_to(0)
                self._queue = [*self._continued(before, current), current]

    def _left_off(self, before: Position, current: OpenLog | None) -> list[OpenLog]:
        if current is not None and current.holds(before):
            current.go_to(before.offset)
            return [current]
        return [*self._continued(before, current), *([current] if current is not None else [])]

    def _continued(self, before: Position, current: OpenLog | None) -> list[OpenLog]:
        """The older files in which there is something to read since then."""
        queue = self._from(before, current)
        if queue:
            queue[0].go_to(before.offset)
        else:
            self._problems.append("gap")
        return queue

    def _from(self, before: Position, current: OpenLog | None) -> list[OpenLog]:
        """The older files, the first of which was read up to that position; none if that one is gone."""
        paths = [path for path in self._path.parent.glob("*") if self._is_older(path.name)]
        found = [log for path in sorted(paths, key=_written_at) if (log := OpenLog.of(path)) is not None]
        holding = [log for log in found if log.holds(before) and (current is None or log.identity != current.identity)]
        itself = [log for log in holding if log.identity == before[:2]]
        first = found.index((itself or holding)[0]) if holding else len(found)
        for log in found[:first]:
            log.close()
        return found[first:]

    def _is_older(self, name: str) -> bool:
        return name.startswith(self._path.name) and _OLDER.fullmatch(name, len(self._path.name)) is not None


class FileSource:
    """A `Source`."""

    def __init__(self, path: Path, position: str) -> None:
        self._path = path
        self._position = position
        self._log: LogFile | None = None

    async def read(self) -> Batch:
        while True:
            try:
                if self._log is None:
                    self._log = await asyncio.to_thread(LogFile, self._path, self._position)
                batch = await asyncio.to_thread(self._log.read)
            except OSError as error:
                await self.close()
                msg = f"{self._path}: {error.strerror}"
                raise Temporary(msg) from error
            before, self._position = self._position, batch.position or self._position
            if batch.lines or batch.problems or before != self._position:
                return batch
            await asyncio.sleep(POLL_TIME)

    async def close(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            await asyncio.to_thread(log.close)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # gone since it was listed
