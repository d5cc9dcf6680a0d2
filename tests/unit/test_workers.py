"""Workers that cannot begin: who starts them hears why. (What they do when they can: tests/e2e/test_workers.py.)"""

import asyncio
import os
import signal
from pathlib import Path
from threading import Thread, current_thread
from typing import Any

import pytest

from detector.channel import Figure
from detector.config import ConfigError
from detector.life import Life
from detector.metrics import Metrics
from detector.roll import Roll
from detector.workers import Workers


@pytest.mark.parametrize(
    ("text", "problem"), [("obzerve = true", "did you mean `observe`"), ('observe = true\nworkers = "two"', "workers")]
)
async def test_what_is_wrong_with_the_configuration_is_told_in_the_words_of_the_worker(
    text: str, problem: str, tmp_path: Path
) -> None:
    workers = Workers(1, text, "detector.toml", Metrics("test"), lambda _: None, lambda: 0, Roll(tmp_path))
    workers.load()
    with pytest.raises(ConfigError, match=problem):
        await workers.start()
    assert not workers.alive
    await workers.stop(1.0)


async def test_who_is_stopped_before_anything_began_leaves_nobody(tmp_path: Path) -> None:
    workers = Workers(2, "observe = true", "detector.toml", Metrics("test"), lambda _: None, lambda: 0, Roll(tmp_path))
    workers.load()
    while len(workers._lives) < 2:  # noqa: ASYNC110 - they tell nobody that they are loading
        await asyncio.sleep(0)
    processes = [life.process for life in workers._lives.values()]
    await workers.stop(1.0)
    await workers.stop(1.0)
    assert [process.returncode for process in processes] == [-signal.SIGKILL] * 2


@pytest.mark.parametrize("turns", range(4))
async def test_who_is_stopped_while_the_first_of_them_is_being_started_waits_for_nobody(
    turns: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the records are away: they say so before a worker has loaded anything."""
    monkeypatch.setattr("detector.workers.PATIENCE", 1e6)
    workers = Workers(1, "observe = true", "detector.toml", Metrics("test"), lambda _: None, lambda: 0, Roll(tmp_path))
    workers.load()
    for _ in range(turns):
        await asyncio.sleep(0)
    await workers.stop(1.0)
    assert not workers._lives
    assert "internal_error" not in capsys.readouterr().out


async def test_signals_that_are_sent_to_all_end_nobody_who_is_still_loading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `systemctl kill` and a terminal do it."""
    workers = Workers(1, "obzerve = 1", "detector.toml", Metrics("test"), lambda _: None, lambda: 0, Roll(tmp_path))
    workers.load()
    while not workers._lives:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        os.kill(workers._lives[1].process.pid, number)
    with pytest.raises(ConfigError, match="did you mean `observe`"):
        await workers.start()
    await workers.stop(1.0)
    assert "worker_failed" in capsys.readouterr().out


async def test_a_start_that_fails_while_workers_load_is_no_fault_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_early() -> int:
        raise AttributeError

    workers = Workers(1, "observe = true", "detector.toml", Metrics("test"), lambda _: None, too_early, Roll(tmp_path))
    workers.load()
    while not workers._lives:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    await workers.stop(1.0)
    assert "internal_error" not in capsys.readouterr().out


async def test_who_dies_while_it_begins_is_told_by_its_status(tmp_path: Path) -> None:
    workers = Workers(1, "observe = true", "detector.toml", Metrics("test"), lambda _: None, lambda: 0, Roll(tmp_path))
    workers.load()
    while not workers._lives:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    os.kill(workers._lives[1].process.pid, signal.SIGKILL)
    with pytest.raises(ConfigError, match="worker 1 ended with status -9"):
        await workers.start()
    await workers.stop(1.0)


class _Lives(dict[int, Life]):
    """Remembers the threads that look at all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen_by: set[Thread] = set()

    def values(self) -> Any:
        self.seen_by.add(current_thread())
        return super().values()


async def test_figures_are_put_together_by_the_thread_that_buries_the_dead_so_that_what_was_counted_never_becomes_less(
    tmp_path: Path,
) -> None:
    workers = Workers(1, "observe = true", "detector.toml", Metrics("test"), lambda _: None, lambda: 0, Roll(tmp_path))
    workers._lives = lives = _Lives()
    workers._gone = {"detector_messages": [Figure("detector_messages_total", {}, 7.0)]}
    assert await asyncio.to_thread(workers.pages) == [workers._gone]
    assert lives.seen_by == {current_thread()}
    await workers.stop(1.0)
