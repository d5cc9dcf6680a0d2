"""Contents are read as their senders wrote them, large ones beside the loop, and no fault costs more than evidence."""

import asyncio
import json
import tempfile
import threading
from pathlib import Path
from typing import IO, cast

import pytest
from msgspec.structs import replace

from detector import log
from detector.content.mime import MOST_BYTES, Message
from detector.content.model import TextModel
from detector.content.reader import Reader
from detector.mail.content import Content
from detector.mail.headers import Header
from detector.mail.transaction import Identity, Transaction
from detector.mail.written import Written
from detector.metrics import Metrics
from detector.relay.body import Body
from detector.relay.contents import READ_AT_ONCE, Contents
from detector.relay.seldom import EVERY
from detector.relay.time_left import TimeLeft
from detector.verdict.verdict import Action, Group, GroupScore, Verdict
from tests.histories import transaction
from tests.support.mail_to import letter
from tests.support.relay_house import NearbyCampaigns
from tests.support.text_model import ABUSE, CLEAN, small_reader

HOLD = 6.3


def body_of(octets: bytes, file: IO[bytes] | None = None) -> Body:
    """What the client sent, with the end mark."""
    return Body(octets if file else octets + b"\r\n.\r\n", file, len(octets) + 2, lambda _: None)


class Place:
    """Contents with all that they are made of."""

    def __init__(self) -> None:
        self.now = 1e9
        self.reader, self.campaigns, self.metrics = small_reader(), NearbyCampaigns(), Metrics("test")
        self.contents = Contents(self.reader, self.campaigns, self.metrics, lambda: self.now)

    async def read(self, octets: bytes, file: IO[bytes] | None = None) -> Transaction:
        read = await self.contents.read(transaction(1), Header.of(octets), body_of(octets, file))
        return await self.contents.compare(read, TimeLeft())

    @property
    def errors(self) -> float | None:
        return self.metrics.registry.get_sample_value("detector_content_errors_total")

    def broken(self) -> None:
        self.reader._model = cast("TextModel", None)


def content_of(found: Transaction) -> Content:
    assert found.content is not None
    return found.content


def verdict(**nats: float) -> Verdict:
    groups = tuple(GroupScore(Group(name), value, ()) for name, value in nats.items())
    return Verdict(Action.ACCEPT, sum(nats.values()), groups, "1", "1")


def read_directly(octets: bytes) -> Content:
    return small_reader().read(Written.of(octets))


@pytest.mark.parametrize("text", [ABUSE, CLEAN, "", "one.\r\n...three dots\r\n. one dot\r\n", ".\r\n", ".dot at once"])
async def test_what_is_read_is_what_the_sender_wrote(text: str) -> None:
    octets = letter(text, 1)
    end = octets.index(b"\r\n\r\n") + 4
    stuffed = octets[:end] + (b"\r\n" + octets[end:]).replace(b"\r\n.", b"\r\n..")[2:]
    found = await Place().read(stuffed)
    assert found.content == read_directly(octets + b"\r\n")


@pytest.mark.parametrize("octets", [b"", b".", b"Subject: x", b"no header at all, but a few words of text"])
async def test_whatever_came_is_read(octets: bytes) -> None:
    assert (await Place().read(octets)).content == read_directly(octets.removeprefix(b".") + b"\r\n")


async def test_much_text_is_read_by_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    read = Reader.read_parts

    def watched(self: Reader, header: Header, parts: Message, copy: int | None) -> Content:
        threads.append(threading.current_thread() is threading.main_thread())
        return read(self, header, parts, copy)

    monkeypatch.setattr(Reader, "read_parts", watched)
    place = Place()
    for size in (READ_AT_ONCE // 2, READ_AT_ONCE + 1):
        octets = letter(f"{ABUSE}\r\n" * (size // len(ABUSE) + 1), 1)
        assert content_of(await place.read(octets)).score is not None
    assert threads == [True, False]


async def test_of_a_message_on_disk_its_beginning_is_read(tmp_path: Path) -> None:
    octets = letter(ABUSE, 1) + b"\r\n" + b"x" * 1000
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        assert content_of(await Place().read(octets, file)).score == read_directly(octets).score


async def test_nothing_below_the_first_mebibyte_is_looked_at() -> None:
    octets = letter("x" * MOST_BYTES, 1)
    place = Place()
    one = await place.read(octets + b"one")
    assert one.content == (await place.read(octets + b"another")).content


async def test_many_messages_can_be_read_at_the_same_time() -> None:
    place = Place()
    letters = [letter(f"{ABUSE} {number}\r\n" + "word " * READ_AT_ONCE, number) for number in range(20)]
    found = await asyncio.gather(*(place.read(octets) for octets in letters))
    assert [one.content for one in found] == [read_directly(octets + b"\r\n") for octets in letters]
    assert place.errors == 0


async def test_clean_texts_are_learned_and_others_not() -> None:
    place = Place()
    clean, abuse = await place.read(letter(CLEAN, 1)), await place.read(letter(ABUSE, 2))
    before = place.reader.usual
    await place.contents.learn(abuse, verdict(text=3.0), HOLD)
    await place.contents.learn(clean, verdict(bulk=7.0), HOLD)
    assert place.reader.usual is before
    await place.contents.learn(clean, verdict(bulk=2.0), HOLD)
    assert sum(place.reader.usual.counts) == pytest.approx(sum(before.counts) + 1.0)


async def test_only_accounts_that_are_suspicious_by_themselves_are_accomplices() -> None:
    place, accomplices = Place(), []
    for account, judged in (("bert", verdict(bulk=2.5)), ("carl", verdict(bulk=1.0, campaign=5.0))):
        found = replace(
            await place.read(letter(f"{ABUSE} {ABUSE}", 1)), identity=Identity(account, "test", trusted=True)
        )
        accomplices.append(content_of(found).accomplices)
        await place.contents.learn(found, judged, HOLD)
    accomplices.append(content_of(await place.read(letter(f"{ABUSE} {ABUSE}", 2))).accomplices)
    assert accomplices[:2] == [0.0, 1.0]
    assert 0.0 < accomplices[2] < 1.0  # the innocent one explains some of it


async def test_a_model_that_breaks_makes_only_the_text_silent() -> None:
    place = Place()
    whole = content_of(await place.read(letter(ABUSE, 1)))
    place.broken()
    found = content_of(await place.read(letter(CLEAN, 2)))
    assert (found.score, found.surprise, found.bands, found.pivots) == (None, None, (), ())
    assert (found.program, found.author) == (whole.program, whole.author)
    assert place.errors == 1


async def test_a_model_that_says_nonsense_makes_the_text_silent() -> None:
    place = Place()
    place.reader._model = TextModel(small_reader()._model.keys, small_reader()._model.weights, float("nan"))
    assert content_of(await place.read(letter(CLEAN, 2))).surprise is None
    assert place.errors == 1


async def test_a_lasting_fault_is_counted_always_and_logged_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    place = Place()
    place.broken()
    for number in range(10):
        await place.read(letter(f"{CLEAN} {number}", number))
    place.now += EVERY
    await place.read(letter(CLEAN, 11))
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["messages"]) for line in logged] == [("content_failed", 1), ("content_failed", 10)]
    assert place.errors == 11


async def test_a_store_that_is_down_costs_only_the_accomplices() -> None:
    place = Place()
    place.campaigns.fault = OSError("down")
    found = await place.read(letter(CLEAN, 1))
    before = place.reader.usual
    await place.contents.learn(found, verdict(bulk=0.0), HOLD)
    assert place.reader.usual is not before
    assert content_of(found).accomplices == 0.0
    assert place.errors == 2


async def test_what_cannot_be_read_at_all_is_judged_without_content(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Reader, header: Header, parts: Message, copy: bytes | None) -> Content:
        raise RecursionError

    monkeypatch.setattr(Reader, "read_parts", fails)
    place = Place()
    found = await place.read(letter(CLEAN, 1))
    assert found.content is None
    await place.contents.learn(found, verdict(bulk=0.0), HOLD)
    assert place.errors == 1


async def test_the_time_of_the_last_score_stands_still_when_the_model_is_silent() -> None:
    place = Place()
    value = place.metrics.registry.get_sample_value
    assert value("detector_content_scored_timestamp_seconds") == 0
    await place.read(letter(CLEAN, 1))
    assert value("detector_content_scored_timestamp_seconds") == 1e9
    place.now += 60.0
    place.broken()
    await place.read(letter(ABUSE, 2))
    assert value("detector_content_scored_timestamp_seconds") == 1e9
