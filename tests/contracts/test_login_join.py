"""What every LoginJoin must do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from detector.mail.login import PolicyRequest
from detector.metrics import Metrics
from detector.ports import LoginJoin
from detector.state.joins import MemoryJoins
from detector.state.shared_joins import SharedJoins
from tests.support.stores import Close, Opener, in_thread, linked

REMEMBER_TIME = 1000.0
REMEMBER_COUNT = 50


Open = Opener[LoginJoin]


async def memory(directory: Path) -> tuple[LoginJoin, Close]:
    join = of_one_process(directory)
    return join, in_thread(join.close)


def of_one_process(directory: Path) -> MemoryJoins:
    return MemoryJoins(directory / "joins.sqlite", 1.0, REMEMBER_TIME, REMEMBER_COUNT, Metrics("test"))


async def shared(url: str, directory: Path) -> tuple[LoginJoin, Close]:
    link, local = await linked(url), of_one_process(directory)

    async def close() -> None:
        await link.stop()
        await in_thread(local.close)()

    return SharedJoins(link, REMEMBER_TIME, local), close


@pytest.fixture(params=["memory", pytest.param("shared", marks=pytest.mark.debian("redis-server"))])
async def open_join(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    if request.param == "memory":
        opener = Opener(lambda: memory(tmp_path))
    else:
        url = request.getfixturevalue("valkey").url
        opener = Opener(lambda: shared(url, tmp_path))
    yield opener
    await opener.close_all()


def asked(login: str, queue_id: str = "4ABC", port: str = "40000", host: str = "192.0.2.1") -> PolicyRequest:
    return PolicyRequest(host, queue_id, "198.51.100.7", port, login, "ann@example.org")


async def test_a_message_is_found_by_its_queue_id(open_join: Open) -> None:
    join = await open_join()
    await join.remember(asked("ann"), now=1.0)
    assert await join.by_queue_id("192.0.2.1", "4ABC") == asked("ann")
    assert await join.by_queue_id("192.0.2.1", "4ABD") is None


async def test_the_same_queue_id_of_another_server_is_another_message(open_join: Open) -> None:
    join = await open_join()
    await join.remember(asked("ann"), now=1.0)
    await join.remember(asked("bob", host="192.0.2.2"), now=1.0)
    assert await join.by_queue_id("192.0.2.1", "4ABC") == asked("ann")
    assert await join.by_queue_id("192.0.2.2", "4ABC") == asked("bob", host="192.0.2.2")
    assert await join.by_queue_id("192.0.2.3", "4ABC") is None


async def test_a_message_without_queue_id_is_found_by_its_client(open_join: Open) -> None:
    join = await open_join()
    await join.remember(asked("ann", queue_id=""), now=1.0)
    assert await join.by_client("192.0.2.1", "198.51.100.7", "40000") == asked("ann", queue_id="")
    assert await join.by_client("192.0.2.1", "198.51.100.7", "40001") is None
    assert await join.by_client("192.0.2.1", "198.51.100.8", "40000") is None
    assert await join.by_queue_id("192.0.2.1", "") is None


async def test_a_queue_id_that_is_used_again_belongs_to_the_newer_login(open_join: Open) -> None:
    join = await open_join()
    await join.remember(asked("ann"), now=1.0)
    await join.remember(asked("bob"), now=2.0)
    assert await join.by_queue_id("192.0.2.1", "4ABC") == asked("bob")


async def test_a_port_that_is_used_again_belongs_to_the_newer_login_or_to_none(open_join: Open) -> None:
    join = await open_join()
    await join.remember(asked("ann", queue_id=""), now=1.0)
    await join.remember(asked("", queue_id=""), now=2.0)
    assert await join.by_client("192.0.2.1", "198.51.100.7", "40000") == asked("", queue_id="")


async def test_a_message_with_a_queue_id_is_not_found_by_its_client(open_join: Open) -> None:
    join = await open_join()
    await join.remember(asked("ann"), now=1.0)
    assert await join.by_client("192.0.2.1", "198.51.100.7", "40000") is None


async def test_a_login_with_odd_octets_survives_a_restart(open_join: Open) -> None:
    join = await open_join()
    await join.remember(asked("\udcff\x00ä\\"), now=1.0)
    await open_join.close(join)
    assert await (await open_join()).by_queue_id("192.0.2.1", "4ABC") == asked("\udcff\x00ä\\")


async def test_what_is_older_than_remember_time_is_forgotten(open_join: Open) -> None:
    join = await open_join()
    await join.remember(asked("ann"), now=1.0)
    await join.remember(asked("bob", "4ABD", "40001"), now=REMEMBER_TIME)
    assert await join.by_queue_id("192.0.2.1", "4ABC") == asked("ann")
    await join.remember(asked("cid", "4ABE", "40002"), now=REMEMBER_TIME + 2)
    assert await join.by_queue_id("192.0.2.1", "4ABC") is None
    assert await join.by_queue_id("192.0.2.1", "4ABD") is not None


@pytest.mark.parametrize(
    "open_join", ["memory"], indirect=True
)  # where it is shared, the server says how much it keeps
async def test_at_most_remember_count_messages_are_kept(open_join: Open) -> None:
    join = await open_join()
    for number in range(3 * REMEMBER_COUNT):
        await join.remember(asked("ann", f"Q{number}", str(number)), now=float(number))
    await open_join.close(join)
    join = await open_join()
    kept = [n for n in range(3 * REMEMBER_COUNT) if await join.by_queue_id("192.0.2.1", f"Q{n}") is not None]
    assert kept == list(range(2 * REMEMBER_COUNT, 3 * REMEMBER_COUNT))


async def test_a_request_that_names_nothing_is_not_found_by_anything(open_join: Open) -> None:
    join = await open_join()
    await join.remember(asked("ann", queue_id="", port=""), now=1.0)
    assert await join.by_queue_id("192.0.2.1", "") is None
    assert await join.by_client("192.0.2.1", "198.51.100.7", "") is None
