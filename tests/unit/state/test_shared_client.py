"""Every kind of server that a URL can name, really running: with TLS and a password, a Cluster, and Sentinels."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.config import ConfigError
from detector.config.shared import SharedState
from detector.mail.delivery import Handed, Receipt
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.ports import Secret
from detector.state.handed_over import MemoryHandedOver
from detector.state.shared_campaigns import SharedCampaigns
from detector.state.shared_claims import SharedClaims
from detector.state.shared_client import open_client
from detector.state.shared_handed_over import SharedHandedOver
from detector.state.shared_link import Away, Link
from detector.state.shared_news import SharedNews
from detector.state.shared_profiles import SharedProfiles
from detector.state.shared_stored import StoredThere
from detector.state.shared_words import Script
from detector.traffic.profile import Profile
from tests.support.certificates import make_certificate
from tests.support.ports import HOST
from tests.support.stores import eventually, linked
from tests.support.valkey import PASSWORD, Cluster, Sentinel, Valkey

pytestmark = pytest.mark.debian("redis-server")

HANDBOOK = Path(__file__).parents[3] / "deploy" / "handbook.md"
ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


@contextlib.asynccontextmanager
async def link_to(url: str, **others: Any) -> AsyncIterator[Link]:
    link = await linked(url, **others)
    yield link
    await link.stop()


async def works(link: Link) -> bool:
    sums = [await link.run(ADD, [b"key %d" % number], number) for number in range(30)]
    return sums == list(range(30))


@pytest.fixture(scope="module")
def encrypted() -> Iterator[Valkey]:
    with Valkey(tls=True) as server:
        yield server


async def test_with_tls_and_a_password(encrypted: Valkey) -> None:
    assert encrypted.certificate is not None
    async with link_to(encrypted.url, ca_file=encrypted.certificate.path, secret=Secret(PASSWORD)) as link:
        assert await works(link)


@pytest.mark.parametrize(("secret", "problem"), [("wrong", "WRONGPASS|invalid"), (None, "Authentication required")])
async def test_without_the_right_password_it_is_away_and_says_why(
    encrypted: Valkey, secret: str | None, problem: str
) -> None:
    assert encrypted.certificate is not None
    said = Secret(secret) if secret else None
    async with link_to(encrypted.url, ca_file=encrypted.certificate.path, secret=said) as link:
        with pytest.raises(Exception, match=problem):
            link.client()


async def test_a_certificate_of_somebody_else_is_not_believed(encrypted: Valkey, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, HOST)
    async with link_to(encrypted.url, ca_file=other.path, secret=Secret(PASSWORD)) as link:

        def problem() -> str:
            with pytest.raises(Away) as refused:
                link.client()
            return str(refused.value)

        await eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in problem(), "the certificate is refused")


def test_a_file_that_is_no_certificate_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"state\.ca_file: .* cannot be used"):
        open_client(SharedState(url="valkeys://db.example.net", ca_file=tmp_path / "missing.pem"), None)


async def test_over_a_unix_socket(tmp_path: Path) -> None:
    with Valkey(["--unixsocket", str(tmp_path / "s")]):
        async with link_to(f"valkey+unix://{tmp_path}/s") as link:
            assert await works(link)


async def test_a_cluster_of_three_servers_each_with_its_keys(valkey_cluster: Cluster) -> None:
    servers = valkey_cluster.servers
    async with link_to(valkey_cluster.url) as link:
        assert link.clustered
        assert await works(link)
        sizes = [int(server.say("DBSIZE").removeprefix(":")) for server in servers]
        assert sum(sizes) == 31  # with the seal
        assert all(sizes)
        servers[1].kill()
        with pytest.raises(Exception, match=r"(?i)connect|cluster|closed"):
            await works(link)
        servers[1].start()
        await eventually(lambda: link.up, "all of it is back")


async def test_whom_sentinels_call_master_also_after_they_have_called_another() -> None:
    with Sentinel() as sentinel:
        async with link_to(sentinel.url) as link:
            assert await works(link)
            sentinel.fail_over()
            with contextlib.suppress(Exception):  # perhaps it tells us, perhaps it just closes the connection
                await link.send("INCR", "key 1")
            await eventually(lambda: link.up, "the new master is found")
            assert await link.send("INCR", "key 1") in {2, 3}


@pytest.mark.parametrize("kind", ["valkey", "valkey_cluster"])
async def test_a_user_with_the_rights_that_the_handbook_names_can_do_all_that_we_ask(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
) -> None:
    there = request.getfixturevalue(kind)
    for server in there.servers if isinstance(there, Cluster) else [there]:
        assert server.say("ACL", "SETUSER", "detector", "reset", "on", ">secret", *rights().split()) == "+OK"
    url, secret = there.url.replace("//", "//detector@"), Secret("secret")
    async with link_to(url, secret=secret) as link:
        await use(link, tmp_path)
        assert link.up
        assert (await asyncio.to_thread(StoredThere(SharedState(url=url), secret).look)).seal


def rights() -> str:
    named = re.search(r"ACL SETUSER detector on >PASSWORD (.+)", HANDBOOK.read_text("utf-8"))
    assert named is not None
    return named[1]


async def use(link: Link, directory: Path) -> None:
    """Everything that a process asks. Raises `Away` for what is not allowed."""
    profiles, news = SharedProfiles(link, 1000.0, 10, Metrics("test")), SharedNews(link)
    await profiles.update("ann", lambda _: (Profile(suspicious_day=7), None))
    assert await profiles.accounts() == ["ann"]
    for _ in range(2):
        news.tell("ann", "i1")
        await news.look(lambda *_: None)
    campaigns = SharedCampaigns(link, b"key")
    await campaigns.notice([1], "ann", True, 1.7e9)
    assert await campaigns.suspicious_others([1], "bob", 1.7e9) > 0.0
    local = MemoryHandedOver(directory / "handed_over.sqlite", 1.0, 1000.0, 10, Metrics("test"))
    handed_over, handed = SharedHandedOver(link, 1000.0, local), Handed("ann", "t1", Stream.PERSONAL, 1.0, frozenset())
    await handed_over.remember(Receipt("mta", "4ABC", "m@x"), handed, 1.0)
    assert await handed_over.by_message_id("m@x") == [handed]
    await handed_over.forget({"ann": 2.0})
    assert await SharedClaims(link, "heard", "mx1", 1000.0).claim(b"mark")
    local.close()
