"""Descriptors, as the kernel counts them for this process."""

import resource
import subprocess
import sys

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

TOO_MUCH = """
import os
from detector.relay import descriptors

before = os.listdir("/proc/self/fd")
descriptors.make_room(10**9)
print(os.listdir("/proc/self/fd") == before)
"""

NONE_LEFT = """
import os
import resource
from detector.relay import descriptors

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        os.dup(0)
except OSError:
    descriptors.make_room(10)
print("nothing was raised")
"""


def said(code: str) -> str:
    """By a process of its own: in this one, threads of other tests open and close files."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_room_is_made_before_clients_come_and_none_is_taken() -> None:
    """How large the table is at the start depends on who started the process: a fork copies what its parent used."""
    before, wanted, after = map(int, said(GROW).split())
    assert after >= wanted > 0
    assert after > before or wanted <= before


def test_more_room_than_may_be_is_no_fault_and_nothing_stays_open() -> None:
    assert said(TOO_MUCH) == "True\n"


def test_a_reload_is_no_fault_when_none_is_left() -> None:
    assert said(NONE_LEFT) == "nothing was raised\n"


def test_they_run_out_for_clients_while_some_are_left_for_others() -> None:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert not descriptors.run_out(most // 2)
    assert descriptors.run_out(most - 1)
