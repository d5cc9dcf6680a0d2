"""Descriptors, as the kernel counts them for this process."""

import re
import resource
import subprocess
import sys
from pathlib import Path

from detector.relay import descriptors

GROW = """
from pathlib import Path
from detector.relay import descriptors
for _ in range(2):
    print(Path("/proc/self/status").read_text("ascii"))
    descriptors.make_room(700)
"""


def test_room_is_made_before_clients_come_and_none_is_taken() -> None:
    told = subprocess.run([sys.executable, "-c", GROW], capture_output=True, text=True, check=True, timeout=60).stdout
    before, after = map(int, re.findall(r"^FDSize:\s+(\d+)", told, re.MULTILINE))
    assert before < 700 <= after


def test_more_room_than_may_be_is_no_fault_and_nothing_stays_open() -> None:
    before = sorted(path.name for path in Path("/proc/self/fd").iterdir())
    descriptors.make_room(10**9)
    assert sorted(path.name for path in Path("/proc/self/fd").iterdir()) == before


def test_they_run_out_for_clients_while_some_are_left_for_others() -> None:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert not descriptors.run_out(most // 2)
    assert descriptors.run_out(most - 1)
