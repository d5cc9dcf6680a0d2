"""A connection that carries everything, and may be away at any moment: with a real server that is killed and frozen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from detector.config import ConfigError
from detector.config.shared import SharedState
from detector.metrics import Metrics
from detector.state import shared_link
from detector.state.shared_client import Client, open_client
from detector.state.shared_link import MOST_WAITING, Away, Link
from detector.state.shared_words import Script
from tests.support.ports import PATIENCE
from tests.support.stores import TIMEOUT, eventually, linked
from tests.support.valkey import Valkey

pytestmark = pytest.mark.debian("redis-server")

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("test")


@pytest.fixture
async def link(valkey: Valkey, metrics: Metrics) -> AsyncIterator[Link]:
    link = await linked(valkey.url, metrics)
    yield link
    await link.stop()


def degraded(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("detector_state_degraded", {"store": "shared"})


async def test_what_is_asked_at_the_same_moment_travels_together(link: Link) -> None:
    link.send("SET", "a", "1")
    answers = await asyncio.gather(*[link.send("INCR", "a") for _ in range(20)], link.send("GET", "a"))
    assert answers == [*range(2, 22), b"21"]
    assert link.round_trips == 1


async def test_a_script_is_known_by_its_hash_and_sent_again_to_a_server_that_has_forgotten_it(
    link: Link, valkey: Valkey
) -> None:
    assert [await link.run(ADD, [b"a"], 2) for _ in range(3)] == [2, 4, 6]
    assert valkey.say("SCRIPT", "FLUSH") == "+OK"
    assert await asyncio.gather(*[link.run(ADD, [b"a"], 2) for _ in range(3)]) == [8, 10, 12]


async def test_a_killed_server_is_away_at_once_and_back_by_itself(link: Link, valkey: Valkey, metrics: Metrics) -> None:
    back = asyncio.Event()

    async def when_back() -> None:
        back.set()

    link.when_back.append(when_back)
    with capture_logs() as logs:
        assert await link.send("SET", "a", "1")
        valkey.kill()
        with pytest.raises(Away):
            await link.send("GET", "a")
        with pytest.raises(Away):
            link.send("GET", "a")
        assert (link.up, degraded(metrics)) == (False, 1.0)
        valkey.start()
        await eventually(lambda: link.up, "it is back")
        await asyncio.wait_for(back.wait(), PATIENCE)
        assert await link.send("GET", "a") is None
    assert degraded(metrics) == 0.0
    assert [one["event"] for one in logs] == ["shared_state_away", "shared_state_back"]


async def test_who_waits_for_a_frozen_server_is_told_and_nobody_after_him_waits(
    valkey: Valkey, metrics: Metrics
) -> None:
    link = await linked(valkey.url, metrics)
    patience, link.timeout = link.timeout, 0.2
    valkey.freeze()
    with pytest.raises(Away, match=r"no answer within 0\.2 s"):
        await asyncio.gather(*[link.send("INCR", "a") for _ in range(10)])
    with pytest.raises(Away):
        link.send("INCR", "a")
    link.timeout = patience
    valkey.thaw()
    await eventually(lambda: link.up, "it is back")
    # What was asked last may have been done: that it was done only once is all that can be known.
    assert int(await link.send("GET", "a") or 0) in range(11)
    await link.stop()


async def test_a_process_may_start_while_the_server_is_away(valkey: Valkey, metrics: Metrics) -> None:
    valkey.kill()
    link = await linked(valkey.url, metrics)
    assert (link.up, degraded(metrics)) == (False, 1.0)
    valkey.start()
    await eventually(lambda: link.up, "it is there")
    assert degraded(metrics) == 0.0
    await link.stop()


async def test_that_it_has_lost_everything_is_found_out_though_no_connection_breaks(link: Link, valkey: Valkey) -> None:
    await link.confirm()
    assert not link.seal.emptied
    assert valkey.say("FLUSHALL") == "+OK"
    with pytest.raises(Away, match="it has lost everything"):
        await link.confirm()
    await eventually(lambda: link.up, "it is back")
    assert link.seal.emptied
    await link.confirm()


async def test_hosts_with_different_keys_of_hashes_do_not_share(link: Link, valkey: Valkey) -> None:
    shared = SharedState(url=valkey.url)
    other = Link(
        lambda: open_client(shared, None), b"another key", TIMEOUT, Metrics("test").state_degraded.labels("shared")
    )
    with pytest.raises(ConfigError, match=r"another recipient\.key; copy that file of theirs"):
        await other.start()
    await other.stop()


async def test_a_server_that_has_become_that_of_others_is_not_used_and_that_is_told_once(
    link: Link, valkey: Valkey
) -> None:
    attempts, open_one = list[Client](), link._open_client

    def counted() -> Client:
        attempts.append(open_one())
        return attempts[-1]

    link._open_client = counted
    valkey.say("SET", "detector:seal", 48 * "0")
    with capture_logs() as logs:
        link.cut("cut off")
        await eventually(lambda: len(attempts) > 3, "it tries on")
    assert [one["problem"].partition(":")[0] for one in logs] == ["cut off", "state.url"]
    assert not link.up


async def test_what_another_program_has_left_under_a_key_of_ours_is_removed_and_nobody_is_away(
    link: Link, valkey: Valkey
) -> None:
    asks: list[Callable[[], Awaitable[Any]]] = [lambda: link.send("GET", b"a"), lambda: link.run(ADD, [b"a"], 2)]
    for ask in asks:
        assert valkey.say("LPUSH", "a", "theirs") == ":1"
        with capture_logs() as logs:
            answers: Sequence[Any] = await asyncio.gather(ask(), link.send("SET", "b", "1"), return_exceptions=True)
        assert isinstance(answers[0], Away)
        assert answers[1]
        assert [(one["event"], one["account"]) for one in logs] == [("state_unreadable", "a")]
        assert await ask() in {None, 2}
        await link.send("DEL", "a")


async def test_a_fault_of_who_waits_for_the_server_does_not_end_the_link(link: Link) -> None:
    async def fault() -> None:
        raise RuntimeError("fault")

    link.when_back.append(fault)
    with capture_logs() as logs:
        link.cut("cut off")
        await eventually(lambda: link.up and len(logs) > 2, "it is back")
    assert [one["event"] for one in logs] == ["shared_state_away", "shared_state_back", "internal_error"]
    assert await link.send("PING")


async def test_a_server_that_is_full_is_as_good_as_away(link: Link, valkey: Valkey) -> None:
    assert valkey.say("CONFIG", "SET", "maxmemory", "1") == "+OK"
    with pytest.raises(Away, match="OutOfMemory"):
        await link.send("SET", "a", "1")
    with pytest.raises(Away):
        await link.send("SET", "a", "1")
    assert valkey.say("CONFIG", "SET", "maxmemory", "0") == "+OK"
    await eventually(lambda: link.up, "there is room again")
    assert await link.send("SET", "a", "1")


async def test_more_commands_than_it_can_carry_are_refused(link: Link) -> None:
    waiting = [link.send("PING") for _ in range(MOST_WAITING)]
    with pytest.raises(Away, match="wait already"):
        link.send("PING")
    assert await asyncio.gather(*waiting) == [True] * MOST_WAITING


async def test_it_ends_when_what_was_sent_is_answered(valkey: Valkey) -> None:
    link = await linked(valkey.url)
    answers = [link.send("INCR", "a") for _ in range(1200)]
    await link.stop()
    assert await asyncio.gather(*answers) == list(range(1, 1201))
    with pytest.raises(Away):
        link.send("PING")


async def test_a_start_does_not_wait_long_for_a_server_that_stands_still(
    valkey: Valkey, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt has a time of its own; those after it may take longer, for nobody waits for them."""
    monkeypatch.setattr(shared_link, "START_TIME", 0.2)
    monkeypatch.setattr(shared_link, "TRY_TIME", PATIENCE)
    valkey.freeze()
    try:
        async with asyncio.timeout(PATIENCE / 2):
            link = await linked(valkey.url, metrics)
        assert (link.up, degraded(metrics)) == (False, 1.0)
    finally:
        valkey.thaw()
    await eventually(lambda: link.up, "it is back")
    assert degraded(metrics) == 0.0
    await link.stop()
