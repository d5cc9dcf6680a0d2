"""Which login stands behind a message, when the server that knows is away, and back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from detector.mail.login import PolicyRequest
from detector.metrics import Metrics
from detector.state.joins import MemoryJoins
from detector.state.shared_joins import SharedJoins
from detector.state.shared_link import Away, Link
from tests.support.stores import eventually, linked
from tests.support.valkey import Valkey

pytestmark = pytest.mark.debian("redis-server")

HOST = "192.0.2.1"


@pytest.fixture
async def link(valkey: Valkey) -> AsyncIterator[Link]:
    link = await linked(valkey.url)
    yield link
    await link.stop()


def asked(login: str, queue_id: str = "4ABC", port: str = "40000") -> PolicyRequest:
    return PolicyRequest(HOST, queue_id, "198.51.100.7", port, login, "ann@example.org")


def local(directory: Path) -> MemoryJoins:
    directory.mkdir(exist_ok=True)
    return MemoryJoins(directory / "joins.sqlite", 1.0, 1000.0, 100, Metrics("test"))


async def test_what_one_process_has_heard_another_one_finds(link: Link, valkey: Valkey, tmp_path: Path) -> None:
    other = await linked(valkey.url)
    join = local(tmp_path)
    await SharedJoins(link, 1000.0, join).remember(asked("ann"), 1.0)
    await SharedJoins(link, 1000.0, join).remember(asked("bob", queue_id=""), 1.0)
    elsewhere = SharedJoins(other, 1000.0, join)
    assert await elsewhere.by_queue_id(HOST, "4ABC") == asked("ann")
    assert await elsewhere.by_client(HOST, "198.51.100.7", "40000") == asked("bob", queue_id="")
    assert int(valkey.say("DBSIZE").removeprefix(":")) == 3  # with the seal
    join.close()
    await other.stop()


async def test_while_the_server_is_away_this_host_knows_what_it_has_heard(
    link: Link, valkey: Valkey, tmp_path: Path
) -> None:
    here, beside = local(tmp_path), local(tmp_path)  # of two processes of this host
    valkey.kill()
    await SharedJoins(link, 1000.0, here).remember(asked("ann"), 1.0)
    assert await SharedJoins(link, 1000.0, beside).by_queue_id(HOST, "4ABC") == asked("ann")
    here.close()
    beside.close()


async def test_when_the_server_is_back_it_is_told_what_is_newer_than_what_it_knows(
    link: Link, valkey: Valkey, tmp_path: Path
) -> None:
    here, nobody = local(tmp_path), local(tmp_path / "..")
    shared = SharedJoins(link, 1000.0, here)
    await shared.remember(asked("ann"), 1.0)
    link.cut("cut off")
    await shared.remember(asked("bob"), 2.0)
    await eventually(lambda: link.up and not shared._untold, "it is told")
    assert await shared.by_queue_id(HOST, "4ABC") == asked("bob")
    other = await linked(valkey.url)
    assert await SharedJoins(other, 1000.0, nobody).by_queue_id(HOST, "4ABC") == asked("bob")
    await other.stop()
    here.close()
    nobody.close()


async def test_what_another_version_has_written_is_forgotten(link: Link, valkey: Valkey, tmp_path: Path) -> None:
    join = local(tmp_path)
    shared = SharedJoins(link, 1000.0, join)
    await shared.remember(asked("ann"), 1.0)
    (key,) = [key for key in await link.send("KEYS", "*") if b"login" in key]
    await link.send("SET", key, "rubbish")
    assert await shared.by_queue_id(HOST, "4ABC") is None
    join.close()


async def test_a_login_that_the_server_does_not_tell_is_not_taken_for_none(valkey: Valkey, tmp_path: Path) -> None:
    join, link = local(tmp_path), await linked(valkey.url, timeout=1.0)
    shared = SharedJoins(link, 1000.0, join, patience=0.2)
    await join.remember(asked("bob", queue_id="4DEF"), 1.0)
    valkey.freeze()
    try:
        with pytest.raises(
            Away, match=r"no login within 0\.1 s"
        ):  # a command has not waited in vain: it asks once more
            await shared.by_queue_id(HOST, "4ABC")
        assert await shared.by_queue_id(HOST, "4DEF") == asked("bob", queue_id="4DEF")
        link.cut("it stands still")
        assert await shared.by_queue_id(HOST, "4ABC") is None  # that it is away was told
    finally:
        valkey.thaw()
        await link.stop()
    join.close()


async def test_the_login_of_a_blocked_account_is_known_while_the_server_is_away_though_another_host_heard_it(
    link: Link, valkey: Valkey, tmp_path: Path
) -> None:
    here, elsewhere = local(tmp_path / "here"), local(tmp_path / "elsewhere")
    shared = SharedJoins(link, 1000.0, here, lambda account: account == "ann@example.org")
    for login, queue_id in (("Ann@Example.org", "4ABC"), ("bob@example.org", "4DEF")):
        await SharedJoins(link, 1000.0, elsewhere).remember(asked(login, queue_id), 5.0)
        assert await shared.by_queue_id(HOST, queue_id) == asked(login, queue_id)
    assert shared.whole
    link.cut("cut off")
    assert not shared.whole
    assert await shared.by_queue_id(HOST, "4ABC") == asked("Ann@Example.org")
    assert await shared.by_queue_id(HOST, "4DEF") is None
    here.close()
    elsewhere.close()


@pytest.mark.parametrize("heard_by", ["policy service", "relay"])
async def test_a_queue_id_that_postfix_uses_again_is_not_that_of_the_blocked_account_that_had_it_before(
    link: Link, valkey: Valkey, tmp_path: Path, heard_by: str
) -> None:
    here, elsewhere = local(tmp_path / "here"), local(tmp_path / "elsewhere")
    shared = SharedJoins(link, 1000.0, here, lambda account: account == "ann")
    await shared.remember(asked("ann"), 5.0)
    assert await shared.by_queue_id(HOST, "4ABC") == asked("ann")
    if heard_by == "relay":
        await SharedJoins(link, 1000.0, elsewhere).remember(asked("bob"), 6.0)
        assert await shared.by_queue_id(HOST, "4ABC") == asked("bob")
    else:
        await shared.remember(asked("bob"), 6.0)
    link.cut("cut off")
    assert await shared.by_queue_id(HOST, "4ABC") == asked("bob")
    here.close()
    elsewhere.close()
