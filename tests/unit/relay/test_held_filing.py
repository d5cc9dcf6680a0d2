"""A file of held mail is complete or not there, also when the disk answers long after nobody waits for it any more."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from detector.relay import held_filing
from detector.relay.held_files import HeldFiles, HeldWriter
from detector.relay.held_filing import CannotHold, Filing
from detector.relay.held_keys import HoldKey, HoldKeys
from tests.support.ports import PATIENCE, wait_for


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """The disk waits for it."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def files(tmp_path: Path) -> HeldFiles:
    return HeldFiles(tmp_path, HoldKeys([HoldKey.of(b"k" * 32)]))


@pytest.fixture
def hasty(files: HeldFiles, monkeypatch: pytest.MonkeyPatch) -> Filing:
    """Waits for a twentieth of a second only."""
    monkeypatch.setattr(held_filing, "DISK_TIME", 0.05)
    return Filing(files)


async def pieces(*octets: bytes) -> AsyncIterator[bytes]:
    for piece in octets:
        yield piece


def names(files: HeldFiles) -> list[str]:
    return sorted(path.name for path in files.directory.iterdir())


def waiting_first(gate: threading.Event, work: Callable[..., None]) -> Callable[..., None]:
    def late(*words: object) -> None:
        assert gate.wait(PATIENCE)
        work(*words)

    return late


async def test_what_was_filed_is_read_back(files: HeldFiles) -> None:
    await Filing(files).file("t1", pieces(b"Subject: x\r\n", b"\r\nhello\r\n"))
    assert b"".join(files.read("t1")) == b"Subject: x\r\n\r\nhello\r\n"


async def test_too_little_room_is_told_with_its_reason(files: HeldFiles) -> None:
    filing = Filing(files)
    await filing.check_room(1_000, 0)
    with pytest.raises(CannotHold, match="octets are free") as refused:
        await filing.check_room(1_000, 2**62)
    assert refused.value.reason == "disk_full"


@pytest.mark.parametrize("step", ["write", "commit"])
async def test_a_disk_that_does_not_answer_is_given_up_and_what_it_does_later_is_undone(
    files: HeldFiles, hasty: Filing, gate: threading.Event, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    really = getattr(HeldWriter, step)
    monkeypatch.setattr(HeldWriter, step, waiting_first(gate, really))
    with pytest.raises(CannotHold, match="no answer within") as refused:
        await hasty.file("t1", pieces(b"hello"))
    assert refused.value.reason == "disk"
    with pytest.raises(CannotHold, match="no answer within"):  # at once: nothing waits behind it
        await hasty.check_room(1_000, 0)
    monkeypatch.setattr(HeldWriter, step, really)
    gate.set()
    await asyncio.to_thread(wait_for, lambda: names(files) == [], "nothing of it stays")


async def test_when_the_disk_is_back_mail_is_filed_again(
    files: HeldFiles, hasty: Filing, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as stuck:
        stuck.setattr(HeldWriter, "commit", waiting_first(gate, HeldWriter.commit))
        with pytest.raises(CannotHold):
            await hasty.file("t1", pieces(b"hello"))
    gate.set()
    await asyncio.to_thread(wait_for, lambda: names(files) == [], "nothing of it stays")
    hasty._disk._patience = PATIENCE  # on a busy machine the thread may take its time
    await hasty.file("t2", pieces(b"hello"))
    assert names(files) == ["t2.held"]


async def test_what_the_spool_does_not_give_back_is_not_filed(files: HeldFiles) -> None:
    async def spooled() -> AsyncIterator[bytes]:
        yield b"the beginning"
        raise TimeoutError

    with pytest.raises(CannotHold, match="no answer") as refused:
        await Filing(files).file("t1", spooled())
    assert refused.value.reason == "disk"
    assert names(files) == []


async def test_a_file_that_we_have_twice_goes_and_one_that_is_gone_already_is_no_fault(files: HeldFiles) -> None:
    filing = Filing(files)
    await filing.file("t1", pieces(b"hello"))
    await filing.erase("t1")
    await filing.erase("t1")
    assert names(files) == []
