"""SIGKILL at any point of hold and release: no message is lost, none is sent twice, what is in doubt is kept."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.records.held_entries import HeldSelection, HeldState
from detector.records.records import Records
from tests.support import hold_process
from tests.support.smtp_sink import SmtpSink

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
KILLS = 120


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        yield running


def letter_of(content: bytes) -> str:
    found = re.search(rb"Message-ID: <([0-9-]+)@x>", content)
    assert found is not None
    return found[1].decode()


def test_killed_at_a_hundred_and_twenty_points_nothing_is_lost_and_nothing_is_sent_twice(
    sink: SmtpSink, tmp_path: Path
) -> None:
    words = [sys.executable, hold_process.__file__, str(tmp_path), str(sink.port), str(KILLS), "7"]
    subprocess.run(words, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, timeout=840, check=True)
    told = set((tmp_path / "told").read_text().split())
    arrived = Counter(letter_of(message.content) for message in sink.messages)
    records = Records(f"sqlite:///{tmp_path}/records.sqlite")
    in_doubt = records.find_held(HeldSelection(), {HeldState.IN_DOUBT}, 10_000)
    others = records.find_held(HeldSelection(), set(HeldState) - {HeldState.IN_DOUBT, HeldState.RELEASED}, 10_000)
    records.close()
    letters = {f"{life}-{number}" for life in range(KILLS + 1) for number in range(hold_process.NEW_LETTERS)}
    assert told == letters
    assert others == []
    assert max(arrived.values()) == 1
    assert len(letters - set(arrived)) <= len(in_doubt)
    assert len(in_doubt) < KILLS
    assert all((tmp_path / "held" / f"{message.message_id}.held").exists() for message in in_doubt)
