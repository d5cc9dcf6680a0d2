"""How many clients are connected, in all and from each address: to one process, or to several that count together."""

import os
from collections import Counter
from mmap import mmap
from typing import Protocol
from zlib import crc32

SLOTS = 65_536
"""Counters of addresses in each row: two of the few hosts that may connect hardly ever share one."""
NUMBER_BYTES = 4
ROW_BYTES = (1 + SLOTS) * NUMBER_BYTES


class Headcount(Protocol):
    """Counts for the limits."""

    @property
    def total(self) -> int: ...

    def of(self, peer: str) -> int: ...

    def enter(self, peer: str) -> None: ...

    def leave(self, peer: str) -> None: ...


class OwnHeadcount:
    """Of one process that is alone."""

    def __init__(self) -> None:
        self.total = 0
        self._peers: Counter[str] = Counter()

    def of(self, peer: str) -> int:
        return self._peers[peer]

    def enter(self, peer: str) -> None:
        self.total += 1
        self._peers[peer] += 1

    def leave(self, peer: str) -> None:
        self.total -= 1
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]


class Ledger:
    """Memory with a row for each process, which alone writes it; all read all rows, so there is no lock.

    Whoever counts at the very same moment as another may be one too many.
    """

    def __init__(self, rows: int, descriptor: int | None = None) -> None:
        """Without a descriptor it is made; others are given that of the one who made it."""
        if descriptor is None:
            # Memory, and no file: whoever writes to one on a disk that is full is killed (SIGBUS, mmap(2)).
            descriptor = os.memfd_create("headcount")
            os.truncate(descriptor, rows * ROW_BYTES)
        self.descriptor = descriptor
        self._memory = mmap(descriptor, rows * ROW_BYTES)
        self.numbers = memoryview(self._memory).cast("I")

    def clear(self, row: int) -> None:
        """Its process has died, and its clients are gone."""
        start = row * ROW_BYTES
        self._memory[start : start + ROW_BYTES] = bytes(ROW_BYTES)

    def close(self) -> None:
        self.numbers.release()
        self._memory.close()
        os.close(self.descriptor)


class SharedHeadcount:
    """Of a process with a row of the ledger."""

    def __init__(self, ledger: Ledger, row: int) -> None:
        self._numbers = ledger.numbers
        self._start = row * (1 + SLOTS)

    @property
    def total(self) -> int:
        return sum(self._numbers[:: 1 + SLOTS])

    def of(self, peer: str) -> int:
        return sum(self._numbers[_slot(peer) :: 1 + SLOTS])

    def enter(self, peer: str) -> None:
        self._add(peer, 1)

    def leave(self, peer: str) -> None:
        self._add(peer, -1)

    def _add(self, peer: str, number: int) -> None:
        for place in (self._start, self._start + _slot(peer)):
            self._numbers[place] += number


def _slot(peer: str) -> int:
    return 1 + crc32(peer.encode()) % SLOTS
