"""The life of a worker, seen from outside; its process here is another that says what the test lets it say."""

import asyncio
import socket
import subprocess
import sys

import pytest

from detector import life as lives
from detector.channel import Ask, Channel, Figure, Figures, Follow, Followed, Ready, ToWorker, from_worker, to_worker
from detector.life import Life
from tests.support.ports import PATIENCE

PAGE = {"detector_transactions": [Figure("detector_transactions_total", {}, 1.0)]}


def stand_in() -> subprocess.Popen[bytes]:
    """Ends when its standard input does."""
    return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)


async def born() -> tuple[Life, Channel[ToWorker]]:
    own, other = socket.socketpair()
    return Life(stand_in(), await Channel.open(own, from_worker)), await Channel.open(other, to_worker)


async def test_answers_go_to_who_has_asked() -> None:
    life, worker = await born()
    worker.send(Ready())
    assert await life.hear() == Ready()
    assert life.ready
    following, asking = asyncio.ensure_future(life.follow("observe = true")), asyncio.ensure_future(life.ask())
    assert [await worker.receive(), await worker.receive()] == [Follow("observe = true"), Ask()]
    worker.send(Followed("no"))
    worker.send(Figures(PAGE))
    await life.hear()
    await life.hear()
    await asking
    assert (await following, life.page, life.text) == ("no", PAGE, "observe = true")
    life.process.kill()
    life.process.communicate()
    assert await life.end() == -9
    worker.close()


async def test_who_waits_for_one_that_dies_does_not_wait_any_longer() -> None:
    life, worker = await born()
    following, asking = asyncio.ensure_future(life.follow("observe = true")), asyncio.ensure_future(life.ask())
    assert [await worker.receive(), await worker.receive()] == [Follow("observe = true"), Ask()]
    worker.close()
    assert await life.hear() is None
    life.process.communicate()
    assert await life.end() == 0
    async with asyncio.timeout(PATIENCE):
        await asking
        assert await following == ""


async def test_a_silent_one_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lives, "SILENT", 0.01)
    monkeypatch.setattr(lives, "LAST_MOMENT", 0.01)
    life, worker = await born()
    assert await life.hear() is None
    life.process.communicate()
    assert await life.end() == -9
    worker.close()


async def test_what_it_has_said_while_we_were_stopped_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lives, "SILENT", 0.0)
    life, worker = await born()
    worker.send(Ready())
    assert await life.hear() == Ready()
    life.process.communicate()
    assert await life.end() == 0
    worker.close()
