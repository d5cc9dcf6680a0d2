"""Clients are counted by one process, or by several that see each other's numbers."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.relay.headcount import Headcount, Ledger, OwnHeadcount, SharedHeadcount

PEERS = ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
COUNT_IN = "import sys; from detector.relay.headcount import *; SharedHeadcount(Ledger(2, {}), 1).enter('192.0.2.1')"


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    opened = Ledger(3)
    yield opened
    opened.close()


@given(st.lists(st.tuples(st.sampled_from(PEERS), st.integers(0, 2))))
def test_all_processes_see_the_same_numbers_and_they_are_right(entered: list[tuple[str, int]]) -> None:
    ledger, alone = Ledger(3), OwnHeadcount()
    rows = [SharedHeadcount(ledger, row) for row in range(3)]
    for number, (peer, row) in enumerate(entered):
        for count in (rows[row], alone):
            count.enter(peer)
        if number % 3 == 2:  # some leave again
            for count in (rows[row], alone):
                count.leave(peer)
    everybody: list[Headcount] = [*rows, alone]
    there = Counter(peer for number, (peer, _) in enumerate(entered) if number % 3 != 2)
    assert all(count.total == there.total() for count in everybody)
    assert all(count.of(peer) == there[peer] for count in everybody for peer in PEERS)
    ledger.close()


def test_the_clients_of_a_process_that_has_died_are_gone(ledger: Ledger) -> None:
    one, two = SharedHeadcount(ledger, 0), SharedHeadcount(ledger, 1)
    one.enter("192.0.2.1")
    two.enter("192.0.2.1")
    ledger.clear(0)
    assert (two.total, two.of("192.0.2.1")) == (1, 1)


def test_the_ledger_is_on_no_disk_so_that_a_full_one_kills_nobody_who_counts(ledger: Ledger) -> None:
    assert str(Path(f"/proc/self/fd/{ledger.descriptor}").readlink()).startswith("/memfd:")


def test_another_process_counts_in_the_ledger_that_it_is_given() -> None:
    ledger = Ledger(2)
    subprocess.run(
        [sys.executable, "-c", COUNT_IN.format(ledger.descriptor)],
        pass_fds=[ledger.descriptor], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert SharedHeadcount(ledger, 0).of("192.0.2.1") == 1
    ledger.close()
