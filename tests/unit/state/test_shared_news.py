"""Blocks reach other processes at once, and none is missed by one that was out of reach."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from detector.state.shared_link import Away, Link
from detector.state.shared_news import SharedNews
from tests.support.stores import eventually, linked
from tests.support.valkey import Valkey

pytestmark = pytest.mark.debian("redis-server")


class Listener:
    """What one process hears."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.news = SharedNews(link)
        self.heard: list[tuple[str, str]] = []
        self._task = asyncio.get_running_loop().create_task(self.news.listen(self.hear))

    def hear(self, account: str, incident_id: str) -> None:
        self.heard.append((account, incident_id))

    async def ready(self) -> None:
        await eventually(lambda: bool(self.news._last), "it listens")

    async def back(self) -> None:
        await eventually(lambda: self.link.up, "it is back")

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.link.stop()


@pytest.fixture
async def processes(valkey: Valkey) -> AsyncIterator[list[Listener]]:
    processes = [Listener(await linked(valkey.url)) for _ in range(3)]
    for process in processes:
        await process.ready()
    yield processes
    for process in processes:
        await process.stop()


async def test_a_block_is_heard_by_all(processes: list[Listener]) -> None:
    processes[0].news.tell("ann@example.org", "3f2a")
    processes[1].news.tell("\udcff\x00ä", "3f2b")
    told = {("ann@example.org", "3f2a"), ("\udcff\x00ä", "3f2b")}
    await eventually(lambda: all(set(process.heard) == told for process in processes), "all have heard both")
    assert [len(process.heard) for process in processes] == [2, 2, 2]


async def test_what_was_told_while_a_process_was_cut_off_it_hears_afterwards(processes: list[Listener]) -> None:
    one, other, _ = processes
    other.link.cut("cut off")
    one.news.tell("ann", "1")
    await eventually(lambda: bool(other.heard), "it has heard it")
    one.news.tell("bob", "2")
    await eventually(lambda: len(other.heard) > 1, "it hears on")
    assert other.heard == [("ann", "1"), ("bob", "2")]


async def test_what_was_told_before_a_process_began_is_left_to_the_records(
    processes: list[Listener], valkey: Valkey
) -> None:
    processes[0].news.tell("ann", "1")
    await eventually(lambda: bool(processes[0].heard), "it is told")
    late = Listener(await linked(valkey.url))
    await late.ready()
    processes[0].news.tell("bob", "2")
    await eventually(lambda: bool(late.heard), "it hears")
    assert late.heard == [("bob", "2")]
    await late.stop()


async def test_a_server_that_has_lost_everything_is_listened_to_all_the_same(
    processes: list[Listener], valkey: Valkey
) -> None:
    ahead = "9999999999999-0"  # its clock is set back while it is down
    assert ahead in valkey.say("XADD", "detector:blocks", ahead, "account", "ann", "incident", "1")
    await eventually(lambda: all(process.heard == [("ann", "1")] for process in processes), "all have heard it")
    valkey.kill()
    valkey.start()
    for process in processes:
        with contextlib.suppress(Away):  # now it has noticed
            await process.link.send("PING")
        await process.back()
    processes[0].news.tell("bob", "2")
    await eventually(lambda: all(("bob", "2") in process.heard for process in processes), "all have heard it")


async def test_an_entry_that_is_none_of_ours_is_named_and_skipped_and_the_others_are_heard(
    processes: list[Listener], valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    processes[0].news.tell("ann", "1")
    for words in (("account", "ann"), ("incident", "2"), ("a", "b")):
        valkey.say("XADD", "detector:blocks", "*", *words)
    processes[0].news.tell("bob", "4")
    both = [("ann", "1"), ("bob", "4")]
    await eventually(lambda: all(process.heard == both for process in processes), "all have heard both")
    told = capsys.readouterr()
    lines = [line for line in (told.out + told.err).splitlines() if "names no account and incident" in line]
    assert len(lines) == 3 * len(processes)
    assert all("detector:blocks" in line and "state_unreadable" in line for line in lines)
    assert "internal_error" not in told.out + told.err
