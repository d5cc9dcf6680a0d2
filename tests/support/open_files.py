"""What a process has open and takes up, as the kernel counts it: for tests that look for leaks."""

from pathlib import Path


def open_sockets(process_id: int) -> int:
    """Its sockets, those that listen included."""
    return sum(what.startswith("socket:") for what in _open(process_id))


def open_files(process_id: int) -> int:
    return len(_open(process_id))


def resident_bytes(process_id: int) -> int:
    """Memory that is its own or shared, and not swapped out."""
    for line in Path(f"/proc/{process_id}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    msg = f"process {process_id} has ended"
    raise ProcessLookupError(msg)


def _open(process_id: int) -> list[str]:
    found = []
    for link in Path(f"/proc/{process_id}/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    return found
