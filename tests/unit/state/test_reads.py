"""Reads of a table: at once, and by a thread that may wait for the disk."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from detector.ports import Temporary
from detector.state import table
from detector.state.reads import Reads
from tests.support.ports import PATIENCE, wait_for


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
    assert await reads.marked(b"mark", 9) == [("ann", b"here")]
    writer.close()


def test_a_damaged_file_is_as_good_as_an_empty_one(tmp_path: Path, degraded: Gauge) -> None:
    path = tmp_path / "rows.sqlite"
    path.write_bytes(b"no database at all" * 100)
    assert Reads(path, degraded).read(lambda one: table.read_value(one, "ann")) is None


async def test_a_disk_that_does_not_answer_is_shown(tmp_path: Path, degraded: Gauge) -> None:
    gate = threading.Event()
    reads = Reads(tmp_path / "rows.sqlite", degraded, patience=0.05)
    try:
        with pytest.raises(Temporary, match=r"reading rows\.sqlite: no answer"):
            await reads.aside(gate.wait)
        assert value(degraded) == 1.0
    finally:
        gate.set()
    await asyncio.to_thread(wait_for, lambda: value(degraded) == 0.0, "it is over")


async def test_values_that_are_asked_for_at_the_same_time_come_together(tmp_path: Path, degraded: Gauge) -> None:
    path = tmp_path / "rows.sqlite"
    writer = table.open_for_writing(path)
    names = [f"user{number}" for number in range(150)]
    with writer:
        table.write_rows(writer, [(name.encode(), 1.0, name.upper().encode(), None, None) for name in names])
    reads = Reads(path, degraded)
    found = await asyncio.gather(*map(reads.value, [*names, "nobody", names[0]]))
    assert found == [*(name.upper().encode() for name in names), None, b"USER0"]
    assert await reads.values([*names, "nobody"]) == [(name, name.upper().encode()) for name in names]
    writer.close()


async def test_values_are_read_again_when_a_disk_that_did_not_answer_is_back(tmp_path: Path, degraded: Gauge) -> None:
    path, gate = tmp_path / "rows.sqlite", threading.Event()
    writer = table.open_for_writing(path)
    with writer:
        table.write_rows(writer, [(b"ann", 1.0, b"here", None, None)])
    reads = Reads(path, degraded, patience=0.05)
    try:
        with pytest.raises(Temporary):
            await reads.aside(gate.wait)
        for _ in range(2):
            with pytest.raises(Temporary):
                await reads.value("ann")
    finally:
        gate.set()
    await asyncio.to_thread(wait_for, lambda: value(degraded) == 0.0, "it is over")
    reads._aside._patience = PATIENCE  # on a busy machine the thread may take its time
    assert await reads.value("ann") == b"here"
    writer.close()


async def test_who_does_not_wait_for_a_value_any_more_keeps_it_from_nobody_else(
    tmp_path: Path, degraded: Gauge
) -> None:
    path = tmp_path / "rows.sqlite"
    writer = table.open_for_writing(path)
    with writer:
        table.write_rows(writer, [(b"ann", 1.0, b"here", None, None)])
    reads = Reads(path, degraded)
    first, second = (asyncio.get_running_loop().create_task(reads.value("ann")) for _ in range(2))
    await asyncio.sleep(0.0)
    first.cancel()
    assert await second == b"here"
    writer.close()


@pytest.mark.parametrize("fails", [False, True])
async def test_those_who_ask_while_others_are_read_are_read_together_whatever_became_of_the_others(
    tmp_path: Path, degraded: Gauge, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    path = tmp_path / "rows.sqlite"
    writer = table.open_for_writing(path)
    with writer:
        table.write_rows(writer, [(b"ann", 1.0, b"here", None, None)])
    together: list[list[str]] = []
    begun, gate = threading.Event(), threading.Event()

    def read_values(connection: sqlite3.Connection, keys: Sequence[str]) -> list[tuple[str, bytes]]:
        together.append(list(keys))
        if len(together) == 1:
            begun.set()
            gate.wait()
            if fails:
                raise sqlite3.OperationalError("disk I/O error")
        return table_reads(connection, keys)

    table_reads = table.read_values
    monkeypatch.setattr(table, "read_values", read_values)
    reads = Reads(path, degraded)
    first = asyncio.get_running_loop().create_task(reads.value("bob"))
    await asyncio.to_thread(begun.wait)
    others = asyncio.gather(reads.value("ann"), reads.value("cid"))
    await asyncio.sleep(0.0)  # they have asked
    gate.set()
    assert list(await others) == [b"here", None]
    assert together == [["bob"], ["ann", "cid"]]
    if fails:
        with pytest.raises(Temporary):
            await first
    else:
        assert await first is None
    writer.close()


async def test_where_a_value_is_damaged_those_asked_for_with_it_are_found(tmp_path: Path, degraded: Gauge) -> None:
    path = tmp_path / "rows.sqlite"
    writer = table.open_for_writing(path)
    names = [f"user{number}" for number in range(40)]
    table.write_rows(writer, [(name.encode(), 1.0, name.encode() * 5000, None, None) for name in names])
    table.empty_journal(writer)
    writer.close()
    octets = path.read_bytes()
    # The second page of a value that is longer than one names a third that the file does not have.
    page = octets.index(b"user7user7" * 300) // 4096 + 1
    path.write_bytes(octets[: page * 4096] + b"\x7f\xff\xff\xff" + octets[page * 4096 + 4 :])
    found = await asyncio.gather(*map(Reads(path, degraded).value, names))
    assert [name for name, value in zip(names, found, strict=True) if value is None] == ["user7"]
