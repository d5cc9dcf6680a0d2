"""How a process of ours ends."""

import subprocess
import sys

from tests.support.ports import PATIENCE

HANGS = """
import asyncio
from threading import Event
from detector.process import end_within, run

async def main():
    end_within(0.1)
    await asyncio.to_thread(Event().wait)

run(main)
"""


def test_what_does_not_come_to_its_end_is_cut_off() -> None:
    hangs = [sys.executable, "-c", HANGS]
    process = subprocess.run(hangs, capture_output=True, check=False, timeout=PATIENCE, text=True)
    assert process.returncode == 70
    assert "stop_given_up" in process.stdout + process.stderr
