"""Where the log goes, without waiting: who reads it may stand still or be gone, and mail must go on."""

import os
import select
from collections import deque
from collections.abc import Callable
from threading import Event, Lock, Thread

PIECE_BYTES = 4096
"""So much of a pipe is free when it is said to be writable (PIPE_BUF of Linux): writing that does not wait."""

MOST_BYTES = 1_048_576
"""That wait for a reader; what is told beyond them is lost, and counted."""

LOOK_EVERY = 0.1

TOLD = select.POLLOUT | select.POLLERR


class Outlet:
    """Takes whole lines, in any thread, for a descriptor that others may write to as well.

    What nobody reads waits, and a thread looks again and again. `loss` makes the line that tells how many writings were
    lost.
    """

    def __init__(self, descriptor: int, loss: Callable[[int], bytes]) -> None:
        self._descriptor = descriptor
        self._loss = loss
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._lock = Lock()  # guards all below
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._lost = 0
        self._behind = False

    def write(self, octets: bytes) -> int:
        """Raises nothing."""
        with self._lock:
            if self._waiting_bytes + len(octets) > MOST_BYTES:
                self._lost += 1
            else:
                self._put(octets)
            self._go_on()
            if self._waiting and not self._behind:
                self._behind = True
                Thread(target=self._catch_up, name="log", daemon=True).start()
        return len(octets)

    def flush(self) -> None:
        """What could be written is written."""

    def _catch_up(self) -> None:
        while self._behind:
            Event().wait(LOOK_EVERY)
            with self._lock:
                self._go_on()
                self._behind = bool(self._waiting)

    def _put(self, octets: bytes) -> None:
        self._waiting.append(octets)
        self._waiting_bytes += len(octets)

    def _go_on(self) -> None:
        self._write_some()
        if self._lost and not self._waiting:
            self._put(self._loss(self._lost))
            self._lost = 0
            self._write_some()

    def _write_some(self) -> None:
        while self._waiting and self._takes_more():
            octets = self._waiting[0]
            try:
                written = os.write(self._descriptor, octets[:PIECE_BYTES])
            except OSError:  # nobody reads any more, or the disk is full
                return
            self._waiting_bytes -= written
            if written < len(octets):
                self._waiting[0] = octets[written:]
            else:
                self._waiting.popleft()

    def _takes_more(self) -> bool:
        return [events & TOLD for _, events in self._poll.poll(0)] == [select.POLLOUT]
