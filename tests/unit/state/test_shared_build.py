"""A process whose shared state is out of reach starts all the same, and goes by what its host knows."""

import contextlib
from pathlib import Path

import pytest

from detector.config import Config, ConfigError, State
from detector.mail.login import PolicyRequest
from detector.metrics import Metrics
from detector.state.build import Builder
from tests.support.ports import free_port
from tests.support.stores import TIMEOUT
from tests.support.valkey import Valkey

REQUEST = PolicyRequest("192.0.2.1", "4ABC", "198.51.100.7", "40000", "ann", "ann@example.org")


async def test_without_a_server_it_begins_alone(tmp_path: Path) -> None:
    config = Config(state=State(directory=tmp_path, url=f"valkey://127.0.0.1:{free_port()}/0"))
    metrics = Metrics("test")
    async with contextlib.AsyncExitStack() as stack:
        stores = await Builder(config, b"key", metrics, stack).build(None)
        await stores.joins.remember(REQUEST, 1.0)
        assert await stores.joins.by_queue_id("192.0.2.1", "4ABC") == REQUEST
        assert metrics.registry.get_sample_value("detector_state_degraded", {"store": "shared"}) == 1.0


async def test_a_configuration_that_cannot_work_is_refused(tmp_path: Path) -> None:
    state = State(directory=tmp_path, url="valkeys://db.example.net", ca_file=tmp_path / "missing.pem")
    async with contextlib.AsyncExitStack() as stack:
        with pytest.raises(ConfigError, match="ca_file"):
            await Builder(Config(state=state), b"key", Metrics("test"), stack).build(None)


@pytest.mark.debian("redis-server")
async def test_two_hosts_know_the_same(tmp_path: Path, valkey: Valkey) -> None:
    async with contextlib.AsyncExitStack() as stack:
        built = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            config = Config(state=State(directory=tmp_path / name, url=valkey.url, timeout=TIMEOUT))
            built.append(await Builder(config, b"key", Metrics("test"), stack).build(None))
        await built[0].joins.remember(REQUEST, 1.0)
        await built[0].campaigns.notice([1], "ann", True, 1.7e9)
        assert await built[1].joins.by_queue_id("192.0.2.1", "4ABC") == REQUEST
        assert await built[1].campaigns.suspicious_others([1], "bob", 1.7e9) == pytest.approx(1.0)
