"""TCP ports of the loopback interface for servers that tests start."""

import os
import random
import socket
import time
from collections.abc import Callable

# Below 32768, where Linux takes the ports of outgoing connections from: none is taken before we listen on it.
FIRST, LAST = 20_000, 32_000
HOST = "127.0.0.1"

# Test processes side by side (pytest-xdist) have a share each: a port that is given out is free until somebody listens.
SHARES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
SHARE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_given: set[int] = set()

PATIENCE = 120.0
"""Seconds until what a test waits for is given up: far more than it takes, for others may have the processor."""


def free_port() -> int:
    """A port on which nobody listens, not given out before in this process."""
    while True:
        port = random.randrange(FIRST + SHARE, LAST, SHARES)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        _given.add(port)
        return port


def wait_for(condition: Callable[[], bool], what: str, every: float = 0.02) -> None:
    """Poll until `condition` holds. Raises `TimeoutError` naming `what` when `PATIENCE` is at its end."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            msg = f"not within {PATIENCE:g} s: {what}"
            raise TimeoutError(msg)
        time.sleep(every)


def greets(port: int, beginning: bytes) -> bool:
    """Whether a server on `port` answers now and its first line begins so."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            return connection.recv(512).startswith(beginning)
    except OSError:
        return False
