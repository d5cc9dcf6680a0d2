from collections.abc import AsyncIterator

import pytest

from detector.state.shared_claims import SharedClaims
from detector.state.shared_link import Away, Link
from tests.support.stores import linked
from tests.support.valkey import Valkey

pytestmark = pytest.mark.debian("redis-server")


@pytest.fixture
async def link(valkey: Valkey) -> AsyncIterator[Link]:
    link = await linked(valkey.url)
    yield link
    await link.stop()


async def test_whoever_comes_first_has_it_and_may_come_again(link: Link) -> None:
    one, other = (SharedClaims(link, "heard", host, 1000.0) for host in ("mx1 /var/lib/detector", "mx2"))
    assert [await host.claim(b"mark") for host in (one, other, one, other)] == [True, False, True, False]
    assert [await host.taken(b"mark") for host in (one, other)] == [False, True]
    assert not await one.taken(b"another mark")


async def test_claims_of_different_kinds_have_nothing_to_do_with_each_other(link: Link) -> None:
    assert await SharedClaims(link, "heard", "mx1", 1000.0).claim(b"1")
    assert await SharedClaims(link, "forgiven", "mx2", 1000.0).claim(b"1")


async def test_a_claim_expires(link: Link) -> None:
    await SharedClaims(link, "heard", "mx1", 1000.0).claim(b"mark")
    assert 0 < await link.send("PTTL", b"detector:claim:heard:mark") <= 1000_000


async def test_nobody_can_tell_while_the_server_is_away(link: Link, valkey: Valkey) -> None:
    valkey.kill()
    with pytest.raises(Away):
        await SharedClaims(link, "heard", "mx1", 1000.0).claim(b"mark")
