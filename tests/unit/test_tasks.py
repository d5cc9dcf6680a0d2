"""Tasks: kept until they end, or until all are cancelled."""

import asyncio

import pytest

from detector.tasks import Tasks, called
from tests.support.ports import PATIENCE


async def test_what_is_spawned_runs_and_ends_when_its_owner_cancels() -> None:
    tasks, began, ended = Tasks(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        ended.set()

    tasks.spawn(work())
    await began.wait()
    tasks.cancel()
    await ended.wait()
    await asyncio.sleep(0)  # the loop tells that a task is done in its next round
    assert not tasks._running


async def test_whoever_stops_can_wait_until_all_have_ended() -> None:
    tasks, told = Tasks(), asyncio.Event()

    async def work() -> None:
        await told.wait()
        tasks.spawn(asyncio.sleep(0))

    tasks.spawn(work())
    end = asyncio.get_running_loop().create_task(tasks.ended())
    await asyncio.sleep(0)
    assert not end.done()
    told.set()
    await end
    assert not tasks._running


async def test_who_waits_is_called_or_gets_tired() -> None:
    wake = asyncio.Event()
    await called(wake, within=0.001)
    wake.set()
    async with asyncio.timeout(PATIENCE):
        await called(wake, within=1e9)
    assert not wake.is_set()
