"""What clean mail scores is there again after a restart, or the shipped one is, and the operator hears why."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from detector import log
from detector.content.model import Usual
from detector.metrics import Metrics
from detector.state.usual import UsualFile
from tests.support.ports import PATIENCE

SHIPPED = Usual.of([-2.0, -1.0, 0.0], weight=100.0)


def opened(
    path: Path, version: str = "content 3", shipped: Usual = SHIPPED, metrics: Metrics | None = None
) -> UsualFile:
    return UsualFile(path, version, shipped, metrics or Metrics("test"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "text-usual.bin"


def test_what_was_learned_is_there_after_a_restart(path: Path) -> None:
    learned = SHIPPED.update(1.5)
    opened(path).save(learned)
    assert opened(path).load().counts == pytest.approx(learned.counts)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["text-usual.bin"]


def test_without_a_file_the_shipped_one_is_used(path: Path) -> None:
    assert opened(path).load() is SHIPPED


def test_what_has_not_changed_is_not_written(path: Path) -> None:
    file = opened(path)
    file.save(SHIPPED)
    assert not path.exists()
    learned = SHIPPED.update(0.0)
    file.save(learned)
    path.unlink()
    file.save(learned)
    assert not path.exists()


@pytest.mark.parametrize("damage", [
    lambda octets: octets[:-1],
    lambda octets: octets[:40] + bytes([octets[40] ^ 1]) + octets[41:],
    lambda octets: octets[:0],
    lambda octets: b"something else altogether, of another program" + octets,
])  # fmt: skip
def test_a_damaged_file_is_set_aside_and_the_shipped_one_used(
    path: Path, damage: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("json", "info")
    opened(path).save(SHIPPED.update(1.5))
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    file = opened(path)
    assert file.load() is SHIPPED
    assert json.loads(capsys.readouterr().err)["event"] == "state_set_aside"
    assert path.with_name("text-usual.bin.unusable").read_bytes() == damaged
    file.save(SHIPPED.update(2.0))
    assert opened(path).load().counts == pytest.approx(SHIPPED.update(2.0).counts)


@pytest.mark.parametrize(("version", "shipped"), [("content 4", SHIPPED), ("content 3", SHIPPED.update(0.0))])
def test_scores_of_another_model_mean_nothing(
    path: Path, version: str, shipped: Usual, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("json", "info")
    opened(path).save(SHIPPED.update(1.5))
    assert opened(path, version, shipped).load() is shipped
    assert json.loads(capsys.readouterr().err)["problem"] == "of another text model"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_costs_only_the_memory(path: Path) -> None:
    metrics = Metrics("test")
    path.parent.chmod(0o500)
    try:
        opened(path, metrics=metrics).save(SHIPPED.update(1.5))
    finally:
        path.parent.chmod(0o700)
    assert metrics.registry.get_sample_value("detector_state_degraded", {"store": "texts"}) == 1


def test_a_path_that_is_no_file_costs_only_the_memory(path: Path) -> None:
    metrics = Metrics("test")
    path.mkdir()
    file = opened(path, metrics=metrics)
    assert file.load() is SHIPPED
    file.save(SHIPPED.update(1.5))
    assert metrics.registry.get_sample_value("detector_state_degraded", {"store": "texts"}) == 1
    path.rmdir()
    file.save(SHIPPED.update(1.5))
    assert metrics.registry.get_sample_value("detector_state_degraded", {"store": "texts"}) == 0


async def test_it_is_written_again_and_again(path: Path) -> None:
    asked, often, learned = 0, asyncio.Event(), SHIPPED.update(1.5)

    def current() -> Usual:
        nonlocal asked
        asked += 1
        if asked > 1:
            often.set()
        return learned

    keeping = asyncio.ensure_future(opened(path).keep(current, every=0.0))
    await asyncio.wait_for(often.wait(), PATIENCE)
    keeping.cancel()
    assert opened(path).load().counts == pytest.approx(learned.counts)
