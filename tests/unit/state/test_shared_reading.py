import asyncio

import pytest

from detector.state import shared_reading
from detector.state.shared_link import Away
from detector.state.shared_reading import TOGETHER, asked, scan, values
from tests.support.stores import linked
from tests.support.valkey import Cluster, Valkey

pytestmark = pytest.mark.debian("redis-server")


async def test_all_keys_of_a_kind_are_found_however_many_there_are(valkey: Valkey) -> None:
    link = await linked(valkey.url)
    wanted = {b"detector:some:%d" % number for number in range(3 * TOGETHER)}
    for key in wanted:
        link.send("SET", key, "1")
    await link.send("SET", b"detector:other:1", "1")
    found = [key async for keys in scan(link.client(), b"detector:some:") for key in keys]
    assert set(found) == wanted
    await link.stop()


async def test_all_servers_of_a_cluster_are_looked_through(valkey_cluster: Cluster) -> None:
    link = await linked(valkey_cluster.url)
    written = {b"detector:some:%d" % number: b"%d" % number for number in range(100)}
    for key, value in written.items():
        await link.send("SET", key, value)
    await link.send("RPUSH", b"detector:some:list", "1")  # has no value
    found = [pair async for batch in values(link.client(), b"detector:some:") for pair in batch]
    assert dict(found) == written
    await link.stop()


async def test_a_server_that_says_nothing_is_said_not_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_reading, "PATIENCE", 0.0)
    with pytest.raises(Away, match="no answer within 0 s"):
        await asked(asyncio.Event().wait())
