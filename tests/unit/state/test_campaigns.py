import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from detector.metrics import Metrics
from detector.ports import Temporary
from detector.state import campaigns as module
from detector.state.campaigns import MemoryCampaigns, pack, unpack
from detector.traffic.campaign import FORGET, Sightings

NOW = 1.7e9


def opened(path: Path, metrics: Metrics | None = None, most: int = 1000) -> MemoryCampaigns:
    return MemoryCampaigns(path, 3600.0, b"key", metrics or Metrics("test"), most)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "campaigns.sqlite"


def stored(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [int(key, 16) for (key,) in connection.execute("SELECT key FROM rows ORDER BY at")]


def test_packed_sightings_are_unpacked_equal() -> None:
    sightings = Sightings().notice(1, True, NOW).notice(63, False, NOW)
    assert unpack(pack(sightings)) == sightings


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xc1",
        b"\xa1\xff",
        msgspec.msgpack.encode({"suspects": []}),
        msgspec.msgpack.encode([[1], [], 0, 0, 0.0]),
        msgspec.msgpack.encode([list(range(17)), [0.0] * 17, 0, 0, 0.0]),
        msgspec.msgpack.encode([[2**32], [0.0], 0, 0, 0.0]),
        msgspec.msgpack.encode([[], [], -1, 0, 0.0]),
    ],
)
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(garbage)


async def test_only_what_says_something_about_others_is_written(path: Path) -> None:
    campaigns = opened(path)
    await campaigns.notice([1, 2], "ann", False, NOW)
    await campaigns.notice([2, 3], "bob", False, NOW)
    await campaigns.notice([4], "cid", True, NOW)
    campaigns.close()
    assert sorted(stored(path)) == [2, 4]


async def test_what_did_not_change_is_not_written_again(path: Path) -> None:
    campaigns = opened(path)
    await campaigns.notice([4], "ann", True, NOW)
    campaigns.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE rows SET at = 5")
    campaigns = opened(path)
    await campaigns.notice([4], "ann", True, NOW + 60.0)
    campaigns.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT at FROM rows").fetchall() == [(5.0,)]


async def test_a_damaged_row_is_as_if_it_had_never_been(path: Path) -> None:
    campaigns = opened(path)
    await campaigns.notice([4, 5], "ann", True, NOW)
    campaigns.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE rows SET value = x'c1' WHERE key = ?", (f"{4:016x}".encode(),))
        connection.execute("INSERT INTO rows (key, at, value) SELECT x'7a', at, value FROM rows WHERE value != x'c1'")
    campaigns = opened(path)
    assert await campaigns.suspicious_others([4], "bob", NOW) == 0.0
    assert await campaigns.suspicious_others([5], "bob", NOW) == 1.0
    campaigns.close()


async def test_a_failing_disk_is_shown_and_campaigns_are_still_seen(tmp_path: Path) -> None:
    metrics = Metrics("test")
    campaigns = opened(tmp_path / "missing" / "campaigns.sqlite", metrics)
    await campaigns.notice([1], "ann", True, NOW)
    assert await campaigns.suspicious_others([1], "bob", NOW) == 1.0
    assert metrics.registry.get_sample_value("detector_state_degraded", {"store": "campaigns"}) == 1
    campaigns.close()


async def test_a_disk_that_cannot_be_read_at_the_start_costs_the_past_only(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(path: Path) -> list[tuple[str, bytes]]:
        raise Temporary(str(path))

    monkeypatch.setattr(module, "stored_rows", unreadable)
    with capture_logs() as logs:
        campaigns = opened(path)
    assert [line["event"] for line in logs] == ["state_unreadable"]
    await campaigns.notice([1], "ann", True, NOW)
    assert await campaigns.suspicious_others([1], "bob", NOW) == 1.0
    campaigns.close()


async def test_rows_older_than_three_days_leave_the_disk_and_others_stay(path: Path) -> None:
    campaigns = opened(path, most=100)
    await campaigns.notice([1], "ann", True, NOW)
    await campaigns.notice([2], "ann", True, NOW + FORGET / 2)
    await campaigns.notice([3], "ann", True, NOW + FORGET / 2 + 3600.0)
    await campaigns.notice([4, 5, 6], "ann", True, NOW + FORGET + 1.0 - 7200.0)
    await campaigns.notice([7, 8], "ann", True, NOW + FORGET + 1.0)
    campaigns.close()
    assert stored(path)[0] == 2
    assert stored(path)[-1] == 8


async def test_a_clock_that_leaps_forgets_nothing_on_disk(path: Path) -> None:
    campaigns = opened(path, most=100)
    await campaigns.notice([1, 2, 3], "ann", True, NOW)
    await campaigns.notice([4, 5, 6], "ann", True, NOW + 1000 * FORGET)
    campaigns.close()
    assert stored(path) == [1, 2, 3, 4, 5, 6]
