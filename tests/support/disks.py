"""Small disks of their own: they fill up, or do not answer any more. For root, where the kernel lets us mount."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 2**20


@contextmanager
def memory_disk(place: Path, size_bytes: int) -> Iterator[Path]:
    """A file system with so much room. Skips, loudly, where it cannot be had."""
    place.mkdir(parents=True)
    _or_skip("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "none", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class Disk:
    """A file system in a file. What writes to it while it is frozen waits, and cannot even be killed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.frozen = False

    def freeze(self) -> None:
        subprocess.run(["fsfreeze", "--freeze", str(self.place)], check=True)
        self.frozen = True

    def thaw(self) -> None:
        if self.frozen:
            subprocess.run(["fsfreeze", "--unfreeze", str(self.place)], check=True)
            self.frozen = False


@contextmanager
def disk(place: Path, size_bytes: int = 32 * MIB) -> Iterator[Disk]:
    """Skips, loudly, where it cannot be had."""
    place.mkdir(parents=True)
    image = place.with_suffix(".image")
    with image.open("wb") as file:
        file.truncate(size_bytes)
    _or_skip("mkfs.ext4", "-q", str(image))
    _or_skip("mount", "-o", "loop", str(image), str(place))
    made = Disk(place)
    try:
        yield made
    finally:
        made.thaw()
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        image.unlink()


def _or_skip(*words: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("a disk of its own is mounted by root")
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk of its own here: {words[0]}: {getattr(error, 'stderr', None) or error}")
