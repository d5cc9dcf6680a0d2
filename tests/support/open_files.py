"""What a process has open and takes up, as the kernel counts it: for tests that look for leaks."""

import os
from pathlib import Path


def open_sockets(process_id: int) -> int:
    """Its sockets, those that listen included."""
    return sum(what.startswith("socket:") for what in _open(process_id))


def open_files(process_id: int) -> int:
    return len(_open(process_id))


def resident_bytes(process_id: int) -> int:
    """Memory that is its own or shared, and not swapped out."""
    return _memory(process_id)[1]


def address_space_bytes(process_id: int) -> int:
    """What RLIMIT_AS limits."""
    return _memory(process_id)[0]


def _memory(process_id: int) -> list[int]:
    pages = Path(f"/proc/{process_id}/statm").read_text("ascii").split()
    return [int(number) * os.sysconf("SC_PAGE_SIZE") for number in pages]


def _open(process_id: int) -> list[str]:
    found = []
    for link in Path(f"/proc/{process_id}/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    return found
