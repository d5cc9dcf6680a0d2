"""What every FeedbackSink and ComplaintSink must do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from detector.feedback.effect import Effect
from detector.mail.delivery import Complained, Delivery, DeliveryStatus
from detector.mail.status_codes import Cause
from detector.metrics import Metrics
from detector.models import load_prior
from detector.ports import ComplaintSink, FeedbackSink
from detector.records.book import Book
from detector.state.heard import Heard
from detector.state.profiles import MemoryProfiles
from detector.verdict.policy import Policy
from tests.support.relay_house import NoteDesk

NOW = 1.79e9


class Sink(FeedbackSink, ComplaintSink, Protocol):
    """Both, begun by `restore`."""

    async def restore(self) -> None: ...


class Process(Protocol):
    """One life of a server."""

    @property
    def sink(self) -> Sink: ...

    async def counted(self) -> tuple[int, int]:
        """How many bounces and complaints count for Ann."""

    def kill(self) -> None:
        """Without a chance to write what is in memory only."""


class EffectProcess:
    def __init__(self, directory: Path) -> None:
        priors, version = load_prior()
        # It never writes by itself: as if the crash always came before.
        self._profiles = MemoryProfiles(directory / "profiles.sqlite", 3600.0, 100, Metrics("test"))
        self._heard = Heard(directory / "heard.sqlite", 864_000.0)
        policy = Policy(b"k" * 32, priors, version)
        book = Book()
        desk, metrics = NoteDesk(book), Metrics("test")
        self.sink = Effect(self._profiles, self._heard, book, desk, metrics, lambda: NOW, policy, False)

    async def counted(self) -> tuple[int, int]:
        reputation = (await self._profiles.read("ann")).reputation
        return round(reputation.bounced), round(reputation.complained)

    def kill(self) -> None:
        self._heard.close()


Start = Callable[[], Process]


@contextmanager
def effect(directory: Path) -> Iterator[Start]:
    yield lambda: EffectProcess(directory)


IMPLEMENTATIONS = {"effect": effect}


@pytest.fixture(params=IMPLEMENTATIONS)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    with IMPLEMENTATIONS[request.param](tmp_path) as starter:
        yield starter


def bounce(number: int, account: str = "ann") -> Delivery:
    status, cause = DeliveryStatus.BOUNCED, Cause.NO_SUCH_USER
    key = f"{account}{number}".encode()
    return Delivery(account, f"{account}{number}", b"8octets1", status, "5.1.1", "", cause, NOW, "log", key)


async def test_a_delivery_counts_when_tell_returns(start: Start) -> None:
    process = start()
    await process.sink.tell([bounce(1), bounce(2, "bob")])
    assert await process.counted() == (1, 0)


async def test_the_same_key_does_not_count_again_in_this_life_or_the_next(start: Start) -> None:
    process = start()
    for _ in range(2):
        await process.sink.tell([bounce(1), bounce(1), bounce(2)])
    process.kill()
    process = start()
    await process.sink.restore()
    await process.sink.tell([bounce(1), bounce(2), bounce(3)])
    assert await process.counted() == (3, 0)


async def test_what_was_told_survives_a_kill(start: Start) -> None:
    process = start()
    await process.sink.tell([bounce(number) for number in range(5)])
    await process.sink.complain([Complained("ann", "t9", b"8octets1", NOW)])
    process.kill()
    process = start()
    await process.sink.restore()
    assert await process.counted() == (5, 1)


async def test_each_recipient_of_a_transaction_complains_once(start: Start) -> None:
    process = start()
    complaint = Complained("ann", "t1", b"8octets1", NOW)
    for _ in range(2):
        await process.sink.complain([complaint, complaint, Complained("ann", "t1", b"8octets2", NOW)])
    assert await process.counted() == (0, 2)


async def test_nothing_told_is_nothing(start: Start) -> None:
    process = start()
    await process.sink.tell([])
    await process.sink.complain([])
    assert await process.counted() == (0, 0)
