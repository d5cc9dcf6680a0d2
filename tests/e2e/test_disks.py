"""Disks that are full or do not answer: mail goes on, blocks hold, and when they are back nothing is missing."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from tests.support.detector_process import DetectorProcess, Settings
from tests.support.disks import MIB, Disk, disk, memory_disk
from tests.support.held_house import STRANGERS
from tests.support.ports import PATIENCE, wait_for
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import SmtpTalk, smtp_talk

pytestmark = pytest.mark.e2e

SETTINGS: Settings = {
    "identity": [{"source": "policy-service"}, {"source": "envelope-sender"}],
    "judging": {"block_score": 4.0, "hold_score": 3.9, "window_start": 500},
    "relay": {"limits": {"message_memory_bytes": 524_288}},
    "policy_service": {"remember_time": 1000.0},
    "patience": 2.0,  # each disk that does not answer takes that long, once
}
ANN, BEN, THIEF, OTHER_THIEF = (f"{name}@example.org" for name in ("ann", "ben", "thief", "other-thief"))
SMALL = b"Subject: hello\r\n\r\nhello"
READ_BY_A_THREAD = SMALL + b"\r\nwords that people write in a letter of some length" * 2_000
SPOOLED = SMALL + b"\r\n" + (b"x" * 70 + b"\r\n") * 30_000
BLOCKED = "450 4.7.1"


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        running.answer("RCPT", "nobody", "550 5.1.1 No such user")
        yield running


@pytest.fixture
def slow_disk(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "disk") as mounted:
        yield mounted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with memory_disk(tmp_path / "disk", 16 * MIB) as mounted:
        yield mounted


def on(place: Path) -> Settings:
    return {**SETTINGS, "state": {"directory": str(place / "state")}}


@asynccontextmanager
async def client(detector: DetectorProcess) -> AsyncIterator[SmtpTalk]:
    async with smtp_talk(detector.port) as talk:
        assert (await talk.hear()).startswith("220 ")
        await talk.ask("EHLO pc.example")
        yield talk


async def send(detector: DetectorProcess, sender: str, message: bytes = SMALL, queue_id: str = "") -> str:
    async with client(detector) as talk:
        if queue_id:
            await talk.ask(f"XFORWARD IDENT={queue_id}")
        for command in (f"MAIL FROM:<{sender}>", "RCPT TO:<bob@example.net>", "DATA"):
            reply = await talk.ask(command)
            if reply[0] in "45":
                return reply
        return await talk.message(message)


async def blast(detector: DetectorProcess, thief: str) -> None:
    """To strangers of whom half do not exist, until it is noticed."""
    async with client(detector) as talk:
        for number in range(50):
            if (await talk.ask(f"MAIL FROM:<{thief}>")).startswith(BLOCKED):
                return
            for one in range(10):
                name = "nobody" if one % 2 else "target"
                await talk.ask(f"RCPT TO:<{name}-{number}-{one}@victims.example>")
            await talk.ask("DATA")
            await talk.message(b"Subject: offer\r\n\r\nbuy %d" % number)
            await talk.ask("RSET")
    pytest.fail("the thief is never recognised")


def degraded(detector: DetectorProcess) -> set[str]:
    """The stores that are, by their names."""
    beginning, end = 'detector_state_degraded{store="', '"}'
    return {
        name.removeprefix(beginning).removesuffix(end)
        for name, value in detector.metrics().items()
        if name.startswith(beginning) and value
    }


def faults(detector: DetectorProcess) -> list[str]:
    """Bugs, by where they are. That the policy service has to wait for its disk is told there, too."""
    return [event["where"] for event in detector.events("internal_error") if event["where"] != "policy_service"]


async def test_a_disk_that_does_not_answer_stops_no_mail_and_no_block(
    slow_disk: Disk, sink: SmtpSink, tmp_path: Path
) -> None:
    with DetectorProcess(tmp_path / "d", sink.port, on(slow_disk.place)) as detector:
        for sender in (ANN, THIEF, OTHER_THIEF):  # who is in memory is judged whatever the disk does
            assert (await send(detector, sender)).startswith("250 ")
        await blast(detector, THIEF)
        slow_disk.freeze()
        async with asyncio.timeout(PATIENCE):  # nobody waits for ever
            for message in (SMALL, READ_BY_A_THREAD):
                for sender in (ANN, BEN):
                    assert (await send(detector, sender, message)).startswith("250 ")
            for number in range(20):  # nobody has told the login, so the disk is asked
                assert (await send(detector, ANN, queue_id=f"4ABC{number}")).startswith("250 ")
            await blast(detector, OTHER_THIEF)
            assert (await send(detector, THIEF)).startswith(BLOCKED)
            await asyncio.to_thread(wait_for, lambda: {"joins", "records"} <= degraded(detector), "it is shown")
        slow_disk.thaw()
        await asyncio.to_thread(wait_for, lambda: not degraded(detector), "it is over")
        assert (await send(detector, ANN)).startswith("250 ")
        assert faults(detector) == []
        detector.kill()
        detector.start()
        for thief in (THIEF, OTHER_THIEF):
            assert (await send(detector, thief)).startswith(BLOCKED)
        detector.stop()


async def test_doubtful_mail_that_its_disk_does_not_take_stays_with_the_client_and_other_mail_does_not_wait(
    slow_disk: Disk, sink: SmtpSink, tmp_path: Path
) -> None:
    held = slow_disk.place / "held"
    hold: Settings = {"directory": str(held), "free_bytes": 0}
    judging: Settings = {"block_score": 50.0, "hold_score": 0.5}
    doubtful = {**SETTINGS, "judging": judging, "hold": hold, "patience": 5.0}
    with DetectorProcess(tmp_path / "d", sink.port, doubtful) as detector:
        assert (await send_to_strangers(detector, ANN)).startswith("250 2.0.0 Ok: queued as")
        slow_disk.freeze()
        async with asyncio.timeout(PATIENCE):  # nobody waits for ever
            answer = asyncio.get_running_loop().create_task(send_to_strangers(detector, THIEF))
            assert (await send(detector, BEN)).startswith("250 ")
            assert (await answer).startswith("451 4.7.1")
            assert (await send_to_strangers(detector, THIEF)).startswith("451 4.7.1")
        slow_disk.thaw()
        await asyncio.to_thread(wait_for, lambda: len(list(held.glob("*.held"))) == 1, "what came too late is gone")
        assert (await send_to_strangers(detector, THIEF)).startswith("250 2.0.0 Ok: queued as")
        detector.stop()
        assert (len(list(held.glob("*.held"))), list(held.glob("*.new"))) == (2, [])


async def send_to_strangers(detector: DetectorProcess, sender: str) -> str:
    async with client(detector) as talk:
        await talk.ask(f"MAIL FROM:<{sender}>")
        for stranger in STRANGERS:
            await talk.ask(f"RCPT TO:<{stranger}>")
        await talk.ask("DATA")
        return await talk.message(SMALL)


async def test_on_a_full_disk_small_mail_passes_large_mail_is_deferred_and_blocks_hold(
    small_disk: Path, sink: SmtpSink, tmp_path: Path
) -> None:
    with DetectorProcess(tmp_path / "d", sink.port, on(small_disk)) as detector:
        room = free_bytes(small_disk)
        assert (await send(detector, ANN, SPOOLED)).startswith("250 ")
        # A thread frees what was spooled, after the reply: freed behind our filling it would leave room for the next.
        await asyncio.to_thread(wait_for, lambda: free_bytes(small_disk) > room - MIB, "the spooled message is gone")
        fill(small_disk / "other")
        assert (await send(detector, ANN)).startswith("250 ")
        assert (await send(detector, BEN, READ_BY_A_THREAD)).startswith("250 ")
        assert await send(detector, ANN, SPOOLED) == "452 4.3.1 Insufficient storage, try again later"
        await blast(detector, THIEF)
        await asyncio.to_thread(wait_for, lambda: "records" in degraded(detector), "it is shown")
        (small_disk / "other").unlink()
        await asyncio.to_thread(wait_for, lambda: not degraded(detector), "it is over")
        assert (await send(detector, ANN, SPOOLED)).startswith("250 ")
        assert faults(detector) == []
        detector.kill()
        for file in (small_disk / "state").glob("*.sqlite"):
            with closing(sqlite3.connect(file)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        detector.start()
        assert (await send(detector, THIEF)).startswith(BLOCKED)
        detector.stop()
    assert all(len(message.content) > len(SPOOLED) for message in sink.messages if len(message.content) > 500_000)


def free_bytes(place: Path) -> int:
    file_system = os.statvfs(place)
    return file_system.f_bfree * file_system.f_frsize


def fill(path: Path) -> None:
    """Until nothing fits any more."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
