"""Which stores a configuration leads to, and that they are closed."""

import contextlib
import threading
from pathlib import Path

import pytest

from detector.config import Config, PolicyService, State
from detector.mail.login import PolicyRequest
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.state import table
from detector.state.build import Builder, Stores
from detector.state.heard import Heard
from detector.state.profiles import MemoryProfiles
from detector.state.shared_heard import SharedHeard
from detector.state.shared_profiles import SharedProfiles
from tests.support.valkey import Valkey

NOW = 1.7e9


def config(directory: Path, url: str = "") -> Config:
    return Config(state=State(directory=directory, url=url))


async def stores(config: Config, stack: contextlib.AsyncExitStack) -> Stores:
    return await Builder(config, b"key", Metrics("test"), stack).build(None)


async def test_without_a_url_each_process_keeps_its_own(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        built = await stores(config(tmp_path), stack)
        assert (type(built.profiles), type(built.heard), built.news) == (MemoryProfiles, Heard, None)
    names = ("profiles", "joins", "handed_over", "campaigns")
    assert all((tmp_path / f"{name}.sqlite").exists() for name in names)


async def test_their_disk_is_waited_for_as_long_as_mail_may_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    hasty = Config(state=State(directory=tmp_path), patience=0.05)
    monkeypatch.setattr(table, "read_values", lambda *_: gate.wait() and [])
    async with contextlib.AsyncExitStack() as stack:
        built = await stores(hasty, stack)
        stack.callback(gate.set)
        for asked in (
            built.profiles.read("ann"),
            built.joins.by_queue_id("192.0.2.1", "4ABC"),
            built.handed_over.by_queue_id("192.0.2.1", "4ABC"),
        ):
            with pytest.raises(Temporary, match=r"no answer within 0\.05 s"):
                await asked


@pytest.mark.debian("redis-server")
async def test_with_a_url_they_are_shared(tmp_path: Path, valkey: Valkey) -> None:
    async with contextlib.AsyncExitStack() as stack:
        built = await stores(config(tmp_path, valkey.url), stack)
        assert (type(built.profiles), type(built.heard)) == (SharedProfiles, SharedHeard)
        assert built.news is not None
    assert not (tmp_path / "profiles.sqlite").exists()


@pytest.mark.parametrize("shared", [False, pytest.param(True, marks=pytest.mark.debian("redis-server"))])
async def test_what_a_host_keeps_is_forgotten_in_time_though_nothing_new_comes(
    request: pytest.FixtureRequest, tmp_path: Path, shared: bool
) -> None:
    before = Builder(config(tmp_path), b"key", Metrics("test"), contextlib.AsyncExitStack()).joins()
    await before.remember(PolicyRequest("192.0.2.1", "4ABC", "198.51.100.7", "40000", "ann", ""), NOW)
    before.close()
    url = request.getfixturevalue("valkey").url if shared else ""
    for age, there in ((0.0, 1), (PolicyService().remember_time + 1.0, 0)):
        async with contextlib.AsyncExitStack() as stack:
            for tidy in (await stores(config(tmp_path, url), stack)).tidy:
                tidy(NOW + age)
        assert table.stored_count(tmp_path / "joins.sqlite") == there
