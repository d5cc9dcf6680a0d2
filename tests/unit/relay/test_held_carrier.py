"""What becomes of a released message: sent, tried again, told to its sender, or left to people."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from detector import config
from detector.mail.address import Address
from detector.mail.headers import Header
from detector.mail.tag import DAY, TagKey, transaction_of, untagged
from detector.ports import Temporary
from detector.records.held_entries import Attempt, HeldDecision, HeldMessage, HeldSelection, HeldState
from detector.relay import held_carrier
from detector.relay.tagging import Tagger
from detector.traffic.counting import is_known
from tests.support.held_house import DOUBTFUL, STRANGERS, HeldWorld, doubtful, held_house
from tests.support.relay_house import House
from tests.support.smtp_sink import SmtpSink

Settings = Callable[..., config.Config]
ANN = "ann@example.org"


def release(place: House, world: HeldWorld, message_id: str = "t1") -> None:
    world.records.decide_held(HeldSelection(message=message_id), HeldDecision.RELEASE, "olga", place.now[0])


def held_one(world: HeldWorld) -> HeldMessage:
    """The message, not the report on it."""
    (message,) = [one for one in world.all() if not one.about]
    return message


async def test_what_was_delivered_is_learned_when_it_is_released(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        release(place, world)
        await world.turn()
        profile, key = place.profiles.profiles[ANN], place.route.assessor.policy.recipient_key
        assert all(is_known(profile, Address.parse(stranger), key) for stranger in STRANGERS)
        assert profile.window.in_flight == len(STRANGERS)
        assert world.value("detector_held_results_total", result="released") == 1


async def test_deferred_mail_is_tried_again_later_and_takes_no_place_meanwhile(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("END", "", "451 4.3.0 Later", times=1)
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        release(place, world)
        await world.turn(2)
        message = world.one()
        assert (message.state, message.attempts) == (HeldState.RELEASING, 1)
        assert message.next_attempt_at == place.now[0] + 60.0
        assert message.problem == "451 4.3.0 Later"
        assert place.profiles.profiles[ANN].window.in_flight == 0
        place.now[0] += 60.0
        await world.turn()
        assert world.states() == [HeldState.RELEASED]
    assert len(sink.messages) == 1


async def test_who_accepts_gets_it_and_the_sender_hears_of_who_refused(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        sink.answer("RCPT", "bert@", "550 5.1.1 No such user")
        release(place, world)
        await world.turn(2)
        assert sorted(world.states()) == [HeldState.RELEASED, HeldState.RETURNED]
        assert held_one(world).state is HeldState.RETURNED
    message, report = sink.messages
    assert len(message.recipients) == len(STRANGERS) - 1
    assert (report.sender.address, report.addresses) == ("", (ANN,))
    assert b"Final-Recipient: rfc822; bert@bert-town.example" in report.content
    assert b"Status: 5.1.1" in report.content
    assert b"Subject: x" in report.content


async def test_where_the_sender_cannot_be_told_either_people_must_look(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        sink.answer("END", "town", "554 5.7.1 Spam")
        sink.answer("RCPT", "<ann@", "550 5.2.1 Mailbox disabled")
        release(place, world)
        await world.turn(2)
        assert world.states() == [HeldState.UNDELIVERABLE, HeldState.UNDELIVERABLE]
        assert "the report to its sender" in held_one(world).problem
        sink.obey_again()
        release(place, world)
        await world.turn()
        assert held_one(world).state is HeldState.RELEASED


async def test_a_lost_reply_to_the_end_mark_is_in_doubt_until_a_person_decides(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("END", "", "close", times=1)
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        release(place, world)
        await world.turn(2)
        assert world.states() == [HeldState.IN_DOUBT]
        release(place, world)
        place.now[0] += 100_000.0
        await world.turn(2)
        assert world.states() == [HeldState.IN_DOUBT]
        world.records.decide_held(HeldSelection(message="t1"), HeldDecision.RELEASE_AGAIN, "olga", place.now[0])
        await world.turn()
        assert world.states() == [HeldState.RELEASED]
    assert len(sink.messages) == 1


async def test_after_the_retry_time_the_sender_is_told_of_all_who_could_not_be_reached(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        sink.answer("RCPT", "town", "450 4.2.0 Busy")
        release(place, world)
        await world.turn()
        place.now[0] += 5 * 86_400.0
        await world.turn(2)
        assert held_one(world).state is HeldState.RETURNED
    (report,) = sink.messages
    assert report.content.count(b"Status: 4.4.7") == len(STRANGERS)


async def test_a_damaged_message_is_tried_until_its_time_is_over_and_then_left_to_people(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        world.files.path("t1").unlink()
        release(place, world)
        await world.turn()
        assert world.states() == [HeldState.RELEASING]
        assert world.value("detector_held_failures_total", reason="unreadable") == 1
        place.now[0] += 5 * 86_400.0
        await world.turn(2)
        assert world.states() == [HeldState.UNDELIVERABLE]
        assert "is missing" in world.one().problem
    assert sink.messages == []


async def test_what_was_sent_is_told_to_the_records_until_they_take_it(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_carrier, "RECORD_AGAIN", 0.0)
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        settle, refusals = world.records.settle_held, [1, 2, 3]

        def forgetful(attempt: Attempt) -> bool:
            if refusals:
                refusals.pop()
                raise Temporary("records: settle_held: locked")
            return settle(attempt)

        monkeypatch.setattr(world.records, "settle_held", forgetful, raising=False)
        release(place, world)
        await world.turn()
        assert world.states() == [HeldState.RELEASED]
    assert len(sink.messages) == 1


async def test_held_mail_keeps_the_tag_of_the_day_on_which_it_came(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    key = TagKey.of(b"k" * 32)
    configuration = settings(DOUBTFUL)
    async with held_house(configuration, tmp_path, sink) as (place, world):
        route = replace(place.route, tagger=Tagger(key, "X-Transaction-Tag", in_envelope=True))
        place.server.reconfigure(configuration, route, None)
        world.releaser.follow(route)
        await doubtful(place)
        came = place.now[0]
        place.now[0] += 10 * DAY
        release(place, world)
        await world.turn()
        (message,) = sink.messages
        (tag,) = Header.of(message.content).values(b"x-transaction-tag")
        assert transaction_of(tag, [key], came, 1.0) == "t1"
        assert untagged(Address.parse(message.sender.address)) == (Address.parse(ANN), tag)
