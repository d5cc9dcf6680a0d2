"""What every ProfileStore must do."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from detector.metrics import Metrics
from detector.ports import ProfileStore
from detector.state.profiles import MemoryProfiles
from detector.state.shared_profiles import SharedProfiles
from detector.traffic.profile import Profile
from tests.support.stores import Close, Opener, in_thread, linked

Open = Opener[ProfileStore]


async def memory(directory: Path) -> tuple[ProfileStore, Close]:
    # Two accounts in memory: all others come from disk.
    store = MemoryProfiles(directory / "profiles.sqlite", 1.0, 2, Metrics("test"))
    return store, in_thread(store.close)


async def shared(url: str, _: Path) -> tuple[ProfileStore, Close]:
    link = await linked(url)
    store = SharedProfiles(link, 1000.0, 2, Metrics("test"))

    async def close() -> None:
        await store.close()
        await link.stop()

    return store, close


@pytest.fixture(params=["memory", pytest.param("shared", marks=pytest.mark.debian("redis-server"))])
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    if request.param == "memory":
        opener = Opener(lambda: memory(tmp_path))
    else:
        url = request.getfixturevalue("valkey").url
        opener = Opener(lambda: shared(url, tmp_path))
    yield opener
    await opener.close_all()


def count_up(profile: Profile) -> tuple[Profile, int]:
    return replace(profile, suspicious_day=profile.suspicious_day + 1), profile.suspicious_day


async def test_an_account_that_was_never_seen_has_an_empty_profile(open_store: Open) -> None:
    store = await open_store()
    assert await store.read("ann") == Profile()
    assert list(await store.accounts()) == []


async def test_an_update_is_seen_by_the_next_and_gives_back_the_answer(open_store: Open) -> None:
    store = await open_store()
    assert [await store.update("ann", count_up) for _ in range(3)] == [0, 1, 2]
    assert (await store.read("ann")).suspicious_day == 3


async def test_accounts_do_not_touch_each_other(open_store: Open) -> None:
    store = await open_store()
    await store.update("ann", count_up)
    assert await store.read("bob") == Profile()
    assert await store.read("ANN") == Profile()


async def test_an_update_that_fails_changes_nothing(open_store: Open) -> None:
    def fault(profile: Profile) -> tuple[Profile, int]:
        msg = "fault"
        raise RuntimeError(msg)

    store = await open_store()
    await store.update("ann", count_up)
    with pytest.raises(RuntimeError):
        await store.update("ann", fault)
    assert (await store.read("ann")).suspicious_day == 1


async def test_a_profile_that_was_returned_unchanged_is_no_account(open_store: Open) -> None:
    store = await open_store()
    assert await store.update("ann", lambda profile: (profile, "seen")) == "seen"
    assert list(await store.accounts()) == []


async def test_all_accounts_are_listed_written_or_not(open_store: Open) -> None:
    store = await open_store()
    for account in ("ann", "bob", "cid", "dan"):
        await store.update(account, count_up)
    assert sorted(await store.accounts()) == ["ann", "bob", "cid", "dan"]


async def test_more_accounts_than_fit_in_memory_are_all_remembered(open_store: Open) -> None:
    store = await open_store()
    for number in range(100):
        for _ in range(number % 7):
            await store.update(f"account{number}", count_up)
    assert [(await store.read(f"account{n}")).suspicious_day for n in range(100)] == [n % 7 for n in range(100)]


@pytest.mark.parametrize(
    "account", ["ann@example.org", "EXAMPLE\\ann", "ä", "\udcff\udc80", "a\x00b", "'; DROP TABLE", ""]
)
async def test_an_account_may_have_any_name_and_survives_a_restart(open_store: Open, account: str) -> None:
    store = await open_store()
    await store.update(account, count_up)
    await open_store.close(store)
    store = await open_store()
    assert (await store.read(account)).suspicious_day == 1
    assert list(await store.accounts()) == [account]


async def test_an_account_whose_profile_becomes_empty_was_never_seen(open_store: Open) -> None:
    store = await open_store()
    for account in ("ann", "bob"):
        await store.update(account, count_up)
    await store.update("ann", lambda _: (Profile(), None))
    assert (await store.read("ann"), list(await store.accounts())) == (Profile(), ["bob"])
    await open_store.close(store)
    store = await open_store()
    assert (await store.read("ann"), list(await store.accounts())) == (Profile(), ["bob"])
    await store.update("ann", lambda _: (Profile(), None))  # once more, from the disk
    assert await store.update("ann", count_up) == 0
    assert list(await store.accounts()) == ["ann", "bob"]


@pytest.mark.parametrize("open_store", ["memory"], indirect=True)  # what is shared expires by itself
async def test_accounts_that_were_idle_for_long_are_forgotten_and_others_are_not(open_store: Open) -> None:
    def sent(at: float) -> Callable[[Profile], tuple[Profile, None]]:
        return lambda profile: (replace(profile, counters=replace(profile.counters, updated_at=at)), None)

    store = await open_store()
    for account, at in (("ann", 100.0), ("bob", 200.0), ("cid", 300.0), ("dan", 100.0)):
        await store.update(account, sent(at))
    await store.update("dan", sent(250.0))
    await store.forget_idle(200.0)
    await open_store.close(store)
    store = await open_store()
    assert sorted(await store.accounts()) == ["bob", "cid", "dan"]
