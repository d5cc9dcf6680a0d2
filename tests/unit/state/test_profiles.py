import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from detector.metrics import Metrics
from detector.ports import Refused
from detector.state.profiles import MemoryProfiles, Rows, list_accounts, read_profile, read_profiles
from detector.traffic.profile import Profile
from detector.traffic.window import Window, WindowLimits

LIMITS, NOW = WindowLimits(), 1e9


def opened(path: Path, accounts: int = 10, metrics: Metrics | None = None) -> MemoryProfiles:
    return MemoryProfiles(path, 3600.0, accounts, metrics or Metrics("test"))


def suspicious(profile: Profile) -> tuple[Profile, None]:
    return replace(profile, suspicious_day=20000), None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profiles.sqlite"


async def test_at_most_the_given_number_of_profiles_is_in_memory(path: Path) -> None:
    metrics = Metrics("test")
    profiles = opened(path, accounts=3, metrics=metrics)
    for number in range(10):
        await profiles.update(str(number), suspicious)
    assert metrics.registry.get_sample_value("detector_profiles") == 3
    assert len(await profiles.accounts()) == 10
    profiles.close()


async def test_profiles_are_read_when_their_account_is_first_used(path: Path) -> None:
    profiles = opened(path)
    await profiles.update("ann", suspicious)
    profiles.close()
    metrics = Metrics("test")
    profiles = opened(path, metrics=metrics)
    assert metrics.registry.get_sample_value("detector_profiles") == 0
    assert (await profiles.read("ann")).suspicious_day == 20000
    assert metrics.registry.get_sample_value("detector_profiles") == 1
    profiles.close()


async def test_all_profiles_are_read_at_once_and_a_damaged_one_is_empty(path: Path) -> None:
    assert list(read_profiles(path)) == []
    profiles = opened(path)
    for account in ("ann", "bob", "\udcffcid"):
        await profiles.update(account, suspicious)
    profiles.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE rows SET value = x'00' WHERE key = ?", (b"bob",))
    found = dict(read_profiles(path))
    assert {account: profile.suspicious_day for account, profile in found.items()} == {
        "ann": 20000,
        "bob": Profile().suspicious_day,
        "\udcffcid": 20000,
    }


async def test_a_profile_that_is_forgotten_while_it_is_read_does_not_come_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = opened(path)
    await profiles.update("ann", suspicious)
    profiles.close()
    profiles = opened(path)
    find, asked = Rows.find, 0

    async def forgotten_meanwhile(rows: Rows, account: str) -> Profile | None:
        nonlocal asked
        asked += 1
        found = await find(rows, account)
        if asked == 1:
            await profiles.update(account, lambda _: (Profile(), None))
        return found

    monkeypatch.setattr(Rows, "find", forgotten_meanwhile)
    assert await profiles.read("ann") == Profile()
    profiles.close()
    assert read_profile(path, "ann") is None


async def test_places_of_mail_on_its_way_end_with_the_process(path: Path) -> None:
    profiles = opened(path)
    underway = replace(Profile(), suspicious_day=1, window=Window().at(NOW, LIMITS).reserve().deliver(2, 1, LIMITS))
    await profiles.update("ann", lambda _: (underway, None))
    assert (await profiles.read("ann")).window.in_flight == 3
    profiles.close()
    profiles = opened(path)
    assert (await profiles.read("ann")).window.in_flight == 2
    profiles.close()


async def test_the_same_profile_is_not_written_again(path: Path) -> None:
    profiles = opened(path)
    await profiles.update("ann", suspicious)
    profiles.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE rows SET at = 5")  # any writing would set it back to 0
    profiles = opened(path)
    await profiles.update("ann", lambda profile: (profile, None))
    profiles.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT at FROM rows").fetchall() == [(5.0,)]


async def test_a_failing_disk_is_shown_and_judging_goes_on(tmp_path: Path) -> None:
    metrics = Metrics("test")
    profiles = opened(tmp_path / "missing" / "profiles.sqlite", metrics=metrics)
    assert metrics.registry.get_sample_value("detector_state_degraded", {"store": "profiles"}) == 1
    await profiles.update("ann", suspicious)
    assert (await profiles.read("ann")).suspicious_day == 20000
    profiles.close()


async def test_a_profile_is_read_from_outside_while_the_store_is_open(path: Path) -> None:
    profiles = opened(path)
    await profiles.update("ann", suspicious)
    profiles.close()
    profiles = opened(path)
    assert read_profile(path, "ann") == await profiles.read("ann")
    assert read_profile(path, "bob") is None
    assert list_accounts(path) == ["ann"]
    profiles.close()


async def test_a_damaged_row_is_refused_outside_and_begun_anew_inside(path: Path) -> None:
    profiles = opened(path)
    await profiles.update("ann", suspicious)
    profiles.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE rows SET value = x'c1'")
    with pytest.raises(Refused, match="the profile of ann is damaged"):
        read_profile(path, "ann")
    profiles = opened(path)
    assert await profiles.read("ann") == Profile()
    profiles.close()


async def test_who_meets_an_account_at_the_same_moment_loses_nothing_of_what_the_other_has_seen(path: Path) -> None:
    """A profile that is not in memory comes from the disk, and others go on meanwhile."""
    profiles = opened(path)
    await profiles.update("ann", lambda profile: (replace(profile, suspicious_day=1), None))
    profiles.close()
    profiles = opened(path)

    def one_more(profile: Profile) -> tuple[Profile, int]:
        return replace(profile, suspicious_day=profile.suspicious_day + 1), profile.suspicious_day

    for account in ("ann", "new"):
        seen = await asyncio.gather(*(profiles.update(account, one_more) for _ in range(20)))
        assert sorted(seen) == list(range(min(seen), min(seen) + 20))
    assert (await profiles.read("ann")).suspicious_day == 21
    profiles.close()
