"""Descriptors, as the kernel counts them for this process."""

import resource
import subprocess
import sys
from pathlib import Path

from detector.relay import descriptors

GROW = """
import re
import resource
from pathlib import Path
from detector.relay import descriptors

def size():
    return int(re.search(r"^FDSize:\\s+(\\d+)", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)[1])

before = size()
asked = 2 * before
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
descriptors.make_room(asked)
print(before, min(asked, limit), size())
"""


def test_room_is_made_before_clients_come_and_none_is_taken() -> None:
    """How large the table is at the start depends on who started the process: a fork copies as much as its parent used."""
    told = subprocess.run([sys.executable, "-c", GROW], capture_output=True, text=True, check=True, timeout=60).stdout
    before, wanted, after = map(int, told.split())
    assert after >= wanted > 0
    assert after > before or wanted <= before


def test_more_room_than_may_be_is_no_fault_and_nothing_stays_open() -> None:
    before = sorted(path.name for path in Path("/proc/self/fd").iterdir())
    descriptors.make_room(10**9)
    assert sorted(path.name for path in Path("/proc/self/fd").iterdir()) == before


def test_they_run_out_for_clients_while_some_are_left_for_others() -> None:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert not descriptors.run_out(most // 2)
    assert descriptors.run_out(most - 1)
