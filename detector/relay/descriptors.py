"""File descriptors: how many of them clients may have, and room for these before they come."""

import contextlib
import fcntl
import os
import resource
from pathlib import Path

SHARE = 0.8
"""Of the descriptors that we may have, for clients; the others are for next hops, large messages and stores."""


def run_out(descriptor: int) -> bool:
    """The system gives each connection the lowest number that is free: a high one says that few are."""
    return descriptor > SHARE * _most()


def make_room(number: int) -> None:
    """So many may be open at once. The kernel's table of them grows by doubling, and each time a process with threads
    waits for all processors: 10 to 20 ms, in which a client that opens thousands would keep everybody waiting.
    """
    with contextlib.suppress(OSError), Path(os.devnull).open("rb") as any_file:  # else so many are open already
        os.close(fcntl.fcntl(any_file, fcntl.F_DUPFD_CLOEXEC, min(number, _most() - 1)))


def _most() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
