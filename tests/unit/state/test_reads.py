"""Reads of a table: at once, and by a thread that may wait for the disk."""

import asyncio
import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from detector.ports import Temporary
from detector.state import table
from detector.state.reads import Reads
from tests.support.ports import wait_for


@pytest.fixture
def degraded() -> Gauge:
    return Gauge("degraded", "As the metric of the same meaning.", registry=CollectorRegistry())


def value(degraded: Gauge) -> float:
    return next(iter(degraded.collect())).samples[0].value


def test_where_nothing_was_stored_there_is_nothing(tmp_path: Path, degraded: Gauge) -> None:
    assert Reads(tmp_path / "rows.sqlite", degraded).read(lambda one: table.read_value(one, "ann")) is None


async def test_what_is_stored_is_read_by_a_thread_as_well(tmp_path: Path, degraded: Gauge) -> None:
    path = tmp_path / "rows.sqlite"
    writer = table.open_for_writing(path)
    with writer:
        table.write_rows(writer, [(b"ann", 1.0, b"here", b"mark", None)])
    reads = Reads(path, degraded)
    assert await reads.aside(lambda: reads.read(lambda one: table.read_value(one, "ann"))) == b"here"
    assert await reads.marked("mark", 9) == [("ann", b"here")]
    writer.close()


def test_a_damaged_file_is_as_good_as_an_empty_one(tmp_path: Path, degraded: Gauge) -> None:
    path = tmp_path / "rows.sqlite"
    path.write_bytes(b"no database at all" * 100)
    assert Reads(path, degraded).read(lambda one: table.read_value(one, "ann")) is None


async def test_a_disk_that_does_not_answer_is_shown(tmp_path: Path, degraded: Gauge) -> None:
    gate = threading.Event()
    reads = Reads(tmp_path / "rows.sqlite", degraded)
    try:
        with pytest.raises(Temporary, match=r"reading rows\.sqlite: no answer"):
            await reads.aside(gate.wait)
        assert value(degraded) == 1.0
    finally:
        gate.set()
    await asyncio.to_thread(wait_for, lambda: value(degraded) == 0.0, "it is over")
