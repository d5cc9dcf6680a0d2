"""A growing file in whole lines, from a position on."""

import os
import stat
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from detector.replay.log_files import GZIP, LINE_BYTES

BEGINNING_BYTES = 512
"""Of a file, to know it again: an inode is soon used for another one, and a truncated file keeps its own."""
READ_BYTES = 262_144


class Position(NamedTuple):
    """Up to where a file was read: which file, how many octets, and what it begins with (as far as it was read)."""

    device: int
    inode: int
    offset: int
    beginning: str

    def __str__(self) -> str:
        return f"{self.device} {self.inode} {self.offset} {self.beginning}"

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """None for a text that is not one of ours."""
        parts = text.split(" ")
        if len(parts) != 4 or not all(part.isdecimal() for part in parts[:3]):
            return None
        return cls(int(parts[0]), int(parts[1]), int(parts[2]), parts[3])


class OpenLog:
    """A log that is open. Its name does not matter: it may be renamed meanwhile. Methods raise `OSError`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self.identity = (status.st_dev, status.st_ino)
        self._skipping = False
        self.go_to(0)

    @classmethod
    def of(cls, path: Path) -> "OpenLog | None":
        """None where there is no file, or none that can be followed."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not make us wait
        except FileNotFoundError:
            return None
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and os.pread(descriptor, len(GZIP), 0) != GZIP:
            return cls(descriptor)
        os.close(descriptor)
        return None

    def close(self) -> None:
        os.close(self._descriptor)

    @property
    def size_bytes(self) -> int:
        return os.fstat(self._descriptor).st_size

    def go_to(self, offset: int) -> None:
        self._offset = offset
        self._beginning = os.pread(self._descriptor, min(offset, BEGINNING_BYTES), 0)

    def position(self) -> Position:
        return Position(*self.identity, self._offset, _fingerprint(self._beginning))

    def was_truncated(self) -> bool:
        """Whether what was read stands there no more, though the file may have grown beyond it again."""
        beginning = self._beginning
        return self.size_bytes < self._offset or os.pread(self._descriptor, len(beginning), 0) != beginning

    def holds(self, position: Position) -> bool:
        """Whether all before the position stands in this file: it is the same one, or a copy."""
        if position.offset == 0:
            return self.identity == position[:2]
        beginning = os.pread(self._descriptor, min(position.offset, BEGINNING_BYTES), 0)
        return self.size_bytes >= position.offset and _fingerprint(beginning) == position.beginning

    def lines(self, ended: bool) -> tuple[list[bytes], int]:
        """The next whole lines without their ends, and how many were skipped because they were too long.

        `ended`: nobody writes to it any more, so that its last line is one even without an end.
        """
        octets = os.pread(self._descriptor, READ_BYTES, self._offset)
        whole = octets.rfind(b"\n") + 1
        if not whole:
            return self._rest(octets, ended)
        self._advance(whole)
        found = octets[: whole - 1].split(b"\n")
        if self._skipping:  # the end of a line that was counted already
            self._skipping = False
            del found[0]
        short = [line for line in found if len(line) <= LINE_BYTES]
        return short, len(found) - len(short)

    def _rest(self, octets: bytes, ended: bool) -> tuple[list[bytes], int]:
        """Octets without a line's end in them."""
        too_long = len(octets) > LINE_BYTES
        if not octets or not (too_long or ended):
            return [], 0
        self._advance(len(octets))
        if self._skipping:
            return [], 0
        self._skipping = too_long
        return ([], 1) if too_long else ([octets], 0)

    def _advance(self, count: int) -> None:
        self._offset += count
        if len(self._beginning) < BEGINNING_BYTES:
            self.go_to(self._offset)


def _fingerprint(octets: bytes) -> str:
    return blake2b(octets, digest_size=8).hexdigest()
