"""What the kernel keeps of files in memory, which it may give up at any time."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

TRIES = 100


def told(path: Path, tell: Callable[[], T | None]) -> T | None:
    """What is told of a file that is in memory. Skips, loudly, where the kernel does not tell what is."""
    _or_skip(path)
    for _ in range(TRIES):
        if (found := tell()) is not None:
            return found
        path.read_bytes()
    return None


def _or_skip(path: Path) -> None:
    with path.open("rb") as file:
        try:
            os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        except BlockingIOError:
            pass
        except (OSError, AttributeError) as error:
            pytest.skip(f"this file system does not tell what is in memory: {error}")
