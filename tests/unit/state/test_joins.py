import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from detector.mail.login import PolicyRequest
from detector.metrics import Metrics
from detector.state import joins
from detector.state.joins import MemoryJoins, Remembered, pack, unpack

REQUEST = PolicyRequest("192.0.2.1", "4ABC", "198.51.100.7", "40000", "ann", "ann@example.org")


def test_a_packed_request_is_unpacked_equal() -> None:
    remembered = Remembered(1.5, REQUEST)
    assert unpack(pack(remembered)) == remembered


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff", b"[]", b"{}", b"null", b'[1, "a"]', b'["a", "b", "c", "d", "e", "f", "g"]']
)
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(garbage)


async def test_a_message_that_left_memory_is_found_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joins, "FRESH", 4)
    store = MemoryJoins(tmp_path / "joins.sqlite", 3600.0, 1000.0, 1000, Metrics("test"))
    for number in range(10):
        request = PolicyRequest("192.0.2.1", f"Q{number}", "198.51.100.7", str(number), "ann", "")
        await store.remember(request, now=1.0)
    found = await store.by_queue_id("192.0.2.1", "Q0")
    assert found is not None
    assert found.client_port == "0"
    store.close()


async def test_after_a_start_the_newest_are_known_though_the_disk_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins, "FRESH", 4)
    path = tmp_path / "joins.sqlite"
    before = MemoryJoins(path, 3600.0, 1000.0, 1000, Metrics("test"))
    for number in range(10):
        await before.remember(replace(REQUEST, queue_id=f"Q{number}"), now=float(number))
    before.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE rows SET value = x'' WHERE at = 8.0")
        other.commit()
    after = MemoryJoins(path, 3600.0, 1000.0, 1000, Metrics("test"))
    await after.remember(replace(REQUEST, queue_id="Q7", sasl_username="bob"), now=10.0)
    after.close()
    path.unlink()
    host = REQUEST.host
    assert await after.by_queue_id(host, "Q9") == replace(REQUEST, queue_id="Q9")
    assert await after.by_queue_id(host, "Q7") == replace(REQUEST, queue_id="Q7", sasl_username="bob")
    assert await after.by_queue_id(host, "Q8") is None


async def test_a_failing_disk_is_shown_and_joining_goes_on(tmp_path: Path) -> None:
    metrics = Metrics("test")
    store = MemoryJoins(tmp_path / "missing" / "joins.sqlite", 3600.0, 1000.0, 1000, metrics)
    await store.remember(REQUEST, now=1.0)
    assert await store.by_queue_id("192.0.2.1", "4ABC") == REQUEST
    assert metrics.registry.get_sample_value("detector_state_degraded", {"store": "joins"}) == 1
    store.close()


async def test_who_has_lost_patience_with_the_disk_is_followed_by_nobody_else_who_waits(tmp_path: Path) -> None:
    store = MemoryJoins(tmp_path / "joins.sqlite", 3600.0, 1000.0, 1000, Metrics("test"))
    with closing(sqlite3.connect(tmp_path / "joins.sqlite", timeout=0.0)) as other:
        other.execute("BEGIN IMMEDIATE")  # whoever wants to write waits for a second
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await store.remember(REQUEST, now=1.0)
        waited = asyncio.get_running_loop().create_task(store.remember(replace(REQUEST, queue_id="4DEF"), now=1.0))
        await asyncio.sleep(0.0)
        assert waited.done()
        assert await store.by_queue_id("192.0.2.1", "4DEF") is not None
    store.close()
    again = MemoryJoins(tmp_path / "joins.sqlite", 3600.0, 1000.0, 1000, Metrics("test"))
    assert await again.by_queue_id("192.0.2.1", "4ABC") == REQUEST
    again.close()


async def test_what_others_have_heard_is_kept_unless_a_newer_request_is_known(tmp_path: Path) -> None:
    store = MemoryJoins(tmp_path / "joins.sqlite", 3600.0, 1000.0, 1000, Metrics("test"))
    store.keep(Remembered(1.0, REQUEST))
    assert await store.by_queue_id(REQUEST.host, REQUEST.queue_id) == REQUEST
    newer = replace(REQUEST, queue_id="", sasl_username="bob")
    await store.remember(newer, now=2.0)
    store.keep(Remembered(1.5, replace(newer, sasl_username="ann")))
    assert await store.by_client(REQUEST.host, REQUEST.client_address, REQUEST.client_port) == newer
    store.close()


async def test_what_others_have_heard_corrects_what_is_at_hand_and_nothing_else_is_kept(tmp_path: Path) -> None:
    newer = replace(REQUEST, sasl_username="bob")
    store = MemoryJoins(tmp_path / "joins.sqlite", 3600.0, 1000.0, 1000, Metrics("test"))
    store.correct(Remembered(1.0, REQUEST))
    assert await store.by_queue_id(REQUEST.host, REQUEST.queue_id) is None
    store.keep(Remembered(1.0, REQUEST))
    store.close()
    again = MemoryJoins(tmp_path / "joins.sqlite", 3600.0, 1000.0, 1000, Metrics("test"))
    again.correct(Remembered(2.0, newer))
    assert await again.by_queue_id(REQUEST.host, REQUEST.queue_id) == newer
    again.close()
