"""Reports that come in by any way change the account's profile, and a reload changes by what they are judged."""

import asyncio
import smtplib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from detector.config import parse
from detector.feedback import address_blocks
from detector.feedback.maildir import Spool
from detector.feedback.room import FeedbackRoom, House, Rules
from detector.mail.delivery import Handed, Receipt
from detector.mail.tag import TagKey, tag_of
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.models import load_prior
from detector.ports import Temporary
from detector.records.book import Book
from detector.reports.ties import Ties
from detector.state.heard import Heard
from detector.traffic.clock import DAY
from detector.verdict.policy import Policy
from tests.support.feedback import KEY, MTA, NOW, arf, dsn, hashed
from tests.support.ports import PATIENCE
from tests.support.relay_house import DictProfiles, HandedList, NoteDesk

BOB, CID = "bob@example.net", "cid@example.net"
TAG_KEY = TagKey.of(b"k" * 32)
TAG = tag_of("t1", NOW, TAG_KEY)
Room = Callable[[], FeedbackRoom]


@pytest.fixture
def build(tmp_path: Path) -> Room:
    handed_over, profiles, book = HandedList(), DictProfiles(), Book()
    recipients = frozenset({hashed(BOB), hashed(CID)})
    handed_over.taken.append((Receipt(MTA, "Q1"), Handed("ann", "t1", Stream.PERSONAL, NOW, recipients, recipients)))
    mail = Spool(tmp_path / "Maildir")
    mail.make()
    config = parse(
        f'state.directory = "{tmp_path}"\n[feedback]\nlisten = ["127.0.0.1:0"]\naddresses = ["Bounces@hop.example"]\n'
        f'[[feedback.maildirs]]\npath = "{mail.directory}"\n'
    )
    priors, version = load_prior()
    rules = Rules(Policy(KEY, priors, version), False, Ties([TAG_KEY], "X-Hop-Tag", 30 * DAY))
    names = count(1)

    def built() -> FeedbackRoom:
        house = House(
            profiles,
            handed_over,
            Heard(tmp_path / "heard.sqlite", 10 * DAY),
            book,
            NoteDesk(book),
            lambda *_: None,
            Metrics("test"),
            lambda: NOW,
            lambda: str(next(names)),
        )
        return FeedbackRoom(config, house, rules)

    return built


@pytest.fixture
async def room(build: Room) -> AsyncIterator[FeedbackRoom]:
    started = build()
    await started.start()
    yield started
    await started.stop()
    started.house.heard.close()


async def until(room: FeedbackRoom, bounced: int, complained: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            reputation = (await room.house.profiles.read("ann")).reputation
            if (reputation.bounced, reputation.complained) == (bounced, complained):
                return
            await asyncio.sleep(0.05)


def mail(room: FeedbackRoom, report: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", room._door.ports[0], timeout=PATIENCE) as client:
        client.sendmail("", ["bounces@hop.example"], report)


async def test_a_report_by_smtp_and_one_in_a_maildir_change_the_profile(room: FeedbackRoom, tmp_path: Path) -> None:
    await asyncio.to_thread(mail, room, arf(BOB, TAG))
    Spool(tmp_path / "Maildir").keep("1", dsn(CID, TAG))
    await until(room, bounced=1, complained=1)
    assert (await room.house.profiles.read("ann")).complainers.has(hashed(BOB), NOW)


async def test_a_bounce_that_returns_nothing_is_tied_by_the_address_that_it_came_to(room: FeedbackRoom) -> None:
    bounce = b"From: MAILER-DAEMON@mx.example.net\r\nSubject: failure notice\r\n\r\n<" + BOB.encode()
    bounce += b">:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n"

    def come_back() -> None:
        with smtplib.SMTP("127.0.0.1", room._door.ports[0], timeout=PATIENCE) as client:
            client.sendmail("", [f"bt={TAG}=ann@hop.example.net"], bounce)
            # Taken and dropped: whoever refuses it makes the server in front bounce it to a customer.
            client.sendmail("", [f"bt={TAG[:-4]}aaaa=ann@hop.example.net"], bounce)

    await asyncio.to_thread(come_back)
    await until(room, bounced=1, complained=0)
    dropped = room.house.metrics.registry.get_sample_value("detector_feedback_problems_total", {"reason": "tag"})
    assert dropped == 1


async def test_what_was_kept_before_a_crash_takes_effect_after_it(build: Room, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "reports")
    spool.make()
    spool.keep("1", arf(BOB, TAG))
    room = build()
    await room.start()
    await until(room, bounced=0, complained=1)
    assert (await room.house.profiles.read("ann")).complainers.has(hashed(BOB), NOW)
    await room.stop()


async def test_who_stops_it_because_it_could_not_start_hears_why_it_could_not(build: Room, tmp_path: Path) -> None:
    room = build()
    (tmp_path / "heard.sqlite").mkdir()
    with pytest.raises(Temporary, match="heard"):
        await room.start()
    await room.stop()


async def test_nothing_is_kept_longer_than_is_promised(room: FeedbackRoom, tmp_path: Path) -> None:
    await asyncio.to_thread(mail, room, arf(BOB, TAG))
    await until(room, bounced=0, complained=1)
    (tmp_path / "reports" / "cur" / "1").write_bytes(b"a report that nobody could read")
    await asyncio.to_thread(room.tidy, NOW + 2 * DAY)
    assert room.house.heard.since(0.0) == []
    await asyncio.to_thread(room.tidy, time.time() + 8 * DAY)
    assert list((tmp_path / "reports" / "cur").iterdir()) == []


async def test_that_our_address_is_blocked_reaches_the_operators(
    room: FeedbackRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(address_blocks, "GATHER", 0.0)
    monkeypatch.setattr(address_blocks, "LEAST", 1)  # both reports are of one transaction, so they are one
    room._blocks.announce = lambda *event: told.append(event[0])
    for recipient in (BOB, CID):
        listed = b"554 5.7.1 Service unavailable; client blocked using bl.example"
        report = dsn(recipient, TAG, "5.7.1").replace(b"550 5.7.1", listed)
        await asyncio.to_thread(mail, room, report)
    async with asyncio.timeout(PATIENCE):
        while not told:
            await room._blocks.look()
            await asyncio.sleep(0.05)
    assert told == ["address.blocked"]
    assert (await room.house.profiles.read("ann")).reputation.bounced == 0


async def test_after_a_reload_reports_are_tied_by_the_new_keys(room: FeedbackRoom) -> None:
    other = TagKey.of(b"n" * 32)
    room.follow(replace(room.rules, ties=Ties([other], "X-Hop-Tag", 30 * DAY)))
    await asyncio.to_thread(mail, room, dsn(BOB, TAG))
    await asyncio.to_thread(mail, room, dsn(CID, tag_of("t1", NOW, other)))
    await until(room, bounced=1, complained=0)
    label = {"kind": "bounce", "tie": "foreign"}
    assert room.house.metrics.registry.get_sample_value("detector_feedback_reports_total", label) == 1
