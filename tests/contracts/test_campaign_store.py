"""What every CampaignStore must do; the one of the replay does the same at once."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from detector.metrics import Metrics
from detector.ports import CampaignStore
from detector.replay.campaigns import Campaigns
from detector.state.campaigns import MemoryCampaigns
from detector.state.shared_campaigns import SharedCampaigns
from detector.traffic.clock import DAY
from tests.support.stores import Close, Opener, in_thread, linked

NOW = 1.7e9
MOST = 300


Open = Opener[CampaignStore]


class InReplay:
    """A replay's campaigns as a store; they live as long as it does, so closing ends nothing."""

    def __init__(self) -> None:
        self._campaigns = Campaigns(b"key", MOST)

    async def suspicious_others(self, keys: Sequence[int], account: str, now: float) -> float:
        return self._campaigns.suspicious_others(keys, account, now)

    async def notice(self, keys: Sequence[int], account: str, suspicious: bool, now: float) -> None:
        self._campaigns.notice(keys, account, suspicious, now)

    async def opened(self) -> tuple[CampaignStore, Close]:
        return self, self.stay

    async def stay(self) -> None: ...


async def memory(directory: Path) -> tuple[CampaignStore, Close]:
    store = MemoryCampaigns(directory / "campaigns.sqlite", 1.0, b"key", Metrics("test"), MOST)
    return store, in_thread(store.close)


async def shared(url: str) -> tuple[CampaignStore, Close]:
    link = await linked(url)
    return SharedCampaigns(link, b"key"), link.stop


@pytest.fixture(params=["memory", "replay", pytest.param("shared", marks=pytest.mark.debian("redis-server"))])
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    if request.param == "memory":
        opener = Opener(lambda: memory(tmp_path))
    elif request.param == "replay":
        opener = Opener(InReplay().opened)
    else:
        url = request.getfixturevalue("valkey").url
        opener = Opener(lambda: shared(url))
    yield opener
    await opener.close_all()


async def test_what_nobody_sent_has_no_accomplices(open_store: Open) -> None:
    store = await open_store()
    assert await store.suspicious_others([1, 2, 3], "ann", NOW) == 0.0
    assert await store.suspicious_others([], "ann", NOW) == 0.0


async def test_suspicious_accounts_with_a_key_in_common_are_accomplices(open_store: Open) -> None:
    store = await open_store()
    await store.notice([1, 2], "ann", True, NOW)
    await store.notice([2, 3], "bob", True, NOW)
    assert await store.suspicious_others([2, 9], "cid", NOW) == pytest.approx(2.0)
    assert await store.suspicious_others([1, 3], "cid", NOW) == pytest.approx(1.0)
    assert await store.suspicious_others([2], "ann", NOW) == pytest.approx(1.0)
    assert await store.suspicious_others([9], "cid", NOW) == 0.0


async def test_innocent_accounts_are_no_accomplices_and_excuse_some(open_store: Open) -> None:
    store = await open_store()
    for number in range(50):
        await store.notice([1], f"customer{number}", False, NOW)
    for name in ("ann", "bob"):
        await store.notice([1, 2], name, True, NOW)
    assert await store.suspicious_others([1], "cid", NOW) == 0.0
    assert await store.suspicious_others([1, 2], "cid", NOW) == pytest.approx(2.0)


async def test_accomplices_weigh_less_by_and_by(open_store: Open) -> None:
    store = await open_store()
    await store.notice([1], "ann", True, NOW)
    assert await store.suspicious_others([1], "bob", NOW + DAY) == pytest.approx(0.5)
    assert await store.suspicious_others([1], "bob", NOW + 3 * DAY) == 0.0


async def test_forty_accounts_with_five_messages_a_day_are_one_campaign(open_store: Open) -> None:
    """Nobody is suspicious at the first message; by and by half of them are."""
    store, found = await open_store(), list[float]()
    for number in range(80):
        account, at, first = number % 40, NOW + 430.0 * number, number < 40
        found.append(await store.suspicious_others([1, 2, 1000 + number], f"account{account}", at))
        await store.notice([1, 2, 1000 + number], f"account{account}", not first and account % 2 == 0, at)
    assert found[40] == 0.0
    assert found[-1] > 3.0


async def test_a_campaign_survives_a_restart(open_store: Open) -> None:
    store = await open_store()
    for number in range(20):
        await store.notice([1, 2], f"customer{number}", False, NOW)
    for name in ("ann", "\udcffbob"):
        await store.notice([2, 2**64 - 1], name, True, NOW)
    before = [await store.suspicious_others([key], "cid", NOW) for key in (1, 2, 2**64 - 1)]
    await open_store.close(store)
    store = await open_store()
    assert [await store.suspicious_others([key], "cid", NOW) for key in (1, 2, 2**64 - 1)] == before
    assert before[2] == pytest.approx(2.0)
    assert await store.suspicious_others([2**64 - 1], "\udcffbob", NOW) == pytest.approx(1.0)


async def test_a_campaign_outlasts_more_mail_than_there_is_room_for(open_store: Open) -> None:
    store = await open_store()
    await store.notice([1], "ann", True, NOW)
    for number in range(3 * MOST):
        await store.notice([1000 + number], "shop", False, NOW + number)
    assert await store.suspicious_others([1], "bob", NOW) == pytest.approx(1.0)
