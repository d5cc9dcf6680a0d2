import asyncio
from functools import partial

import pytest

from detector.config.shared import SharedState
from detector.metrics import Metrics
from detector.ports import Refused, Temporary
from detector.state import shared_stored
from detector.state.shared_known import key_of
from detector.state.shared_profiles import SharedProfiles
from detector.state.shared_stored import StoredThere
from detector.state.shared_words import seal_of
from detector.traffic.profile import Profile
from tests.support.ports import free_port
from tests.support.stores import KEY, linked
from tests.support.valkey import Cluster, Valkey

pytestmark = pytest.mark.debian("redis-server")

ODD = "\udcff\x00ä"


def become(profile: Profile, _: Profile) -> tuple[Profile, None]:
    return profile, None


async def fill(url: str, accounts: int) -> None:
    link = await linked(url)
    store = SharedProfiles(link, 1000.0, 10, Metrics("test"))
    for number in range(1, accounts + 1):
        await store.update(f"account{number}{ODD}", partial(become, Profile(suspicious_day=number)))
    await link.stop()


@pytest.fixture(params=["valkey", "valkey_cluster"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param).url)


def test_what_a_server_has_stored_is_read(url: str) -> None:
    asyncio.run(fill(url, 20))
    stored = StoredThere(SharedState(url=url), None)
    expected = {f"account{number}{ODD}": Profile(suspicious_day=number) for number in range(1, 21)}
    assert dict(stored.rows()) == expected
    assert stored.accounts() == sorted(expected)
    assert (stored.read(f"account7{ODD}"), stored.read("nobody")) == (Profile(suspicious_day=7), None)
    assert stored.written_at() is None


def test_a_damaged_profile_is_refused_and_hides_no_other(valkey: Valkey) -> None:
    asyncio.run(fill(valkey.url, 1))
    valkey.say("SET", key_of("bob").decode(), "12345678rubbish")
    stored = StoredThere(SharedState(url=valkey.url), None)
    with pytest.raises(Refused, match="the profile of bob is damaged"):
        stored.read("bob")
    assert dict(stored.rows()) == {f"account1{ODD}": Profile(suspicious_day=1), "bob": Profile()}


def test_a_look_tells_what_is_there(valkey: Valkey, valkey_cluster: Cluster) -> None:
    before = StoredThere(SharedState(url=valkey.url), None).look()
    assert (len(before.servers), before.clustered, before.seal) == (1, False, None)
    assert before.servers[0].version[0].isdigit()
    asyncio.run(fill(valkey.url, 1))
    assert StoredThere(SharedState(url=valkey.url), None).look().seal == seal_of(KEY)
    look = StoredThere(SharedState(url=valkey_cluster.url), None).look()
    assert (len(look.servers), look.clustered) == (3, True)


def test_without_a_server_that_is_told() -> None:
    with pytest.raises(Temporary, match=r"state\.url: ConnectionError"):
        StoredThere(SharedState(url=f"valkey://127.0.0.1:{free_port()}"), None).read("ann")


def test_whoever_asks_a_server_that_stands_still_is_told_once_and_soon(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_stored, "FIRST_ANSWER", 0.2)
    stored = StoredThere(SharedState(url=valkey.url), None)
    valkey.freeze()
    try:
        for question in (stored.look, stored.accounts, lambda: stored.read("ann")):
            with pytest.raises(Temporary, match=r"no answer within 0\.2 s"):
                question()
    finally:
        valkey.thaw()
