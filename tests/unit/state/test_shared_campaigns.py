"""Campaigns whose accounts send through several processes, and while the server is away through each of them alone."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from valkey.crc import key_slot

from detector.state.shared_campaigns import LONELY, TAGS, SharedCampaigns
from detector.state.shared_link import Link
from detector.traffic.campaign import FORGET
from tests.support.stores import eventually, linked
from tests.support.valkey import Cluster, Valkey

pytestmark = pytest.mark.debian("redis-server")

NOW = 1.7e9
SLOTS = 16_384
KEYS = [1, 2, 3, 2**64 - 1]


@pytest.fixture
async def links(valkey: Valkey) -> AsyncIterator[list[Link]]:
    """Of two processes."""
    links = [await linked(valkey.url), await linked(valkey.url)]
    yield links
    for link in links:
        await link.stop()


async def test_a_message_costs_one_round_trip_to_ask_and_one_to_notice(links: list[Link]) -> None:
    store = SharedCampaigns(links[0], b"key")
    await store.notice([99], "bob", False, NOW)  # the script travels with the first
    before = links[0].round_trips
    assert await store.suspicious_others(KEYS, "ann", NOW) == 0.0
    await store.notice(KEYS, "ann", True, NOW)
    assert links[0].round_trips - before == 2


async def test_accomplices_that_another_process_has_seen_count(links: list[Link]) -> None:
    one, other = (SharedCampaigns(link, b"key") for link in links)
    for number in range(4):
        await (one, other)[number % 2].notice(KEYS, f"account{number}", True, NOW)
    assert await one.suspicious_others([2], "eve", NOW) == pytest.approx(4.0)


async def test_two_that_notice_the_same_after_the_same_question_are_both_remembered(links: list[Link]) -> None:
    one, other = (SharedCampaigns(link, b"key") for link in links)
    await one.notice(KEYS, "first", True, NOW)
    for store in (one, other):
        assert await store.suspicious_others(KEYS, "eve", NOW) == pytest.approx(1.0)
    await one.notice(KEYS, "ann", True, NOW)
    await other.notice(KEYS, "bob", True, NOW)
    assert await one.suspicious_others(KEYS, "eve", NOW) == pytest.approx(3.0)


async def test_what_one_innocent_account_sends_is_soon_forgotten_and_what_says_something_is_not(
    links: list[Link],
) -> None:
    store = SharedCampaigns(links[0], b"key")
    await store.notice([1, 2], "ann", False, NOW)
    await store.notice([2], "bob", False, NOW)
    await store.notice([3], "eve", True, NOW)
    names = [b"detector:c{%d}:%b" % (TAGS[key], key.to_bytes(8, "big")) for key in (1, 2, 3)]
    lives = [await links[0].send("PTTL", name) / 1000 for name in names]
    assert 0 < lives[0] <= LONELY < lives[1] <= FORGET
    assert LONELY < lives[2] <= FORGET


async def test_while_the_server_is_away_each_process_goes_by_what_it_sees(links: list[Link], valkey: Valkey) -> None:
    store = SharedCampaigns(links[0], b"key")
    await store.notice(KEYS, "ann", True, NOW)
    valkey.freeze()
    links[0].cut("cut off")
    await store.notice(KEYS, "bob", True, NOW)
    await store.notice(KEYS, "cid", True, NOW)
    assert await store.suspicious_others(KEYS, "eve", NOW) == pytest.approx(2.0)
    valkey.thaw()
    await eventually(lambda: links[0].up and not len(store._here), "it is back")
    assert await store.suspicious_others(KEYS, "eve", NOW) == pytest.approx(1.0)


async def test_in_a_cluster_the_keys_of_a_message_may_be_anywhere(valkey_cluster: Cluster) -> None:
    keys = [number * 0x9E3779B97F4A7C15 % 2**64 for number in range(1, 25)]
    link = await linked(valkey_cluster.url)
    store = SharedCampaigns(link, b"key")
    for name in ("ann", "bob"):
        await store.notice(keys, name, True, NOW)
    assert [await store.suspicious_others([key], "eve", NOW) for key in keys] == pytest.approx([2.0] * 24)
    await link.stop()


@pytest.mark.parametrize("servers", [3, 4, 6, 12])
def test_each_server_of_a_cluster_has_as_many_keys_as_the_others(servers: int) -> None:
    shares = Counter(key_slot(b"%d" % tag) * servers // SLOTS for tag in TAGS)
    assert set(shares.values()) == {len(TAGS) // servers}
    assert len(shares) == servers


async def test_what_another_version_has_written_is_written_over(links: list[Link]) -> None:
    store = SharedCampaigns(links[0], b"key")
    await links[0].send("SET", b"detector:c{%d}:" % TAGS[1] + (1).to_bytes(8, "big"), "rubbish")
    assert await store.suspicious_others([1], "eve", NOW) == 0.0
    await store.notice([1], "ann", True, NOW)
    assert await store.suspicious_others([1], "eve", NOW) == pytest.approx(1.0)
