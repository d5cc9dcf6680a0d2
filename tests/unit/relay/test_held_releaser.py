"""Rounds of the releaser: what goes by itself, what waits, and how little is done at once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from detector import config
from detector.incident.incident import Incident, State
from detector.ports import Temporary
from detector.records.held_entries import HeldDecision, HeldMessage, HeldSelection, HeldState
from detector.relay.held_carrier import Carrier
from detector.relay.held_releaser import MESSAGES_A_LOOK
from detector.verdict.hold import PROBATION
from detector.verdict.release import LOOK_AGAIN
from tests.support.held_house import DOUBTFUL, HeldWorld, a_held_message, doubtful, held_house
from tests.support.smtp_sink import SmtpSink

Settings = Callable[..., config.Config]
ANN = "ann@example.org"
WIDE = ("judging.window_start = 500", "judging.window_most = 500", "judging.hold_score = 9.0")


def put(world: HeldWorld, message: HeldMessage) -> None:
    writer = world.files.create(message.message_id)
    writer.write(b"Subject: x\r\n\r\n")
    writer.commit()
    world.records.put_held(message)


def sent(world: HeldWorld) -> int:
    return world.states().count(HeldState.RELEASED)


async def test_an_account_with_many_held_messages_gets_a_share_of_each_round(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(*WIDE), tmp_path, sink) as (_, world):
        for number in range(MESSAGES_A_LOOK + 10):
            put(world, a_held_message(f"m{number:03}", held_at=float(number)))
        put(world, a_held_message("z", account="ben@example.org"))
        await world.releaser.work()
        assert world.states().count(HeldState.HELD) == 10
        await world.releaser.settled()
        await world.releaser.work()
        assert HeldState.HELD not in world.states()
        await world.turn(40)
        assert set(world.states()) == {HeldState.RELEASED}
    assert len(sink.messages) == MESSAGES_A_LOOK + 11


async def test_mail_goes_in_the_order_in_which_it_came_up_to_the_first_that_must_wait(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place, "3ONE")
        place.now[0] += PROBATION - 60.0
        await doubtful(place, "3TWO", b"Subject: y\r\n\r\nmore")
        await world.turn(2)
        assert world.states() == [HeldState.HELD, HeldState.HELD]
        place.now[0] += LOOK_AGAIN
        await world.turn(2)
        assert world.states() == [HeldState.HELD, HeldState.HELD]
        place.now[0] += 60.0
        await world.turn(3)
        assert set(world.states()) == {HeldState.RELEASED}


async def test_a_full_window_keeps_the_rest_waiting(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    narrow = settings(DOUBTFUL, "judging.window_start = 12", "judging.window_least = 12")
    async with held_house(narrow, tmp_path, sink) as (place, world):
        await doubtful(place, "3ONE")
        put(world, a_held_message("t9", held_at=place.now[0] + 1.0))
        put(world, a_held_message("t8", held_at=place.now[0] + 2.0, recipients=world.all()[0].recipients))
        place.now[0] += PROBATION + 10.0
        await world.turn(4)
        assert sent(world) == 3
        assert place.profiles.profiles[ANN].window.in_flight <= 12


async def test_mail_of_a_blocked_account_waits_for_people(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        place.book.block(ANN, "i1")
        place.now[0] += PROBATION + 1.0
        await world.turn(2)
        assert world.states() == [HeldState.HELD]
        world.records.decide_held(HeldSelection(account=ANN), HeldDecision.RELEASE, "olga", place.now[0])
        await world.turn()
        assert world.states() == [HeldState.RELEASED]


async def test_mail_of_an_exempt_account_goes_at_once(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        place.exempt(ANN)
        await world.turn(2)
        assert world.states() == [HeldState.RELEASED]


async def test_what_was_held_before_we_only_observe_waits_as_before(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        assessor = place.route.assessor
        watching = assessor.config.model_copy(update={"observe": True})
        gate = replace(assessor.gate, config=watching)
        world.releaser.follow(replace(place.route, assessor=replace(assessor, config=watching, gate=gate)))
        await world.turn(2)
        assert world.states() == [HeldState.HELD]
        place.now[0] += PROBATION + 1.0
        await world.turn(2)
        assert world.states() == [HeldState.RELEASED]


async def test_an_incident_that_is_opened_meanwhile_stops_what_would_have_gone_by_itself(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        world.records.let_held_go(["t1"], place.now[0])
        message = world.one()
        world.records.open_incident(
            Incident("i1", ANN, True, State.OPEN, place.now[0], place.now[0], message.verdict, "t2", {})
        )
        place.book.block(ANN, "i1")
        await world.turn(2)
        assert world.states() == [HeldState.HELD]
        assert world.one().incident_id == "i1"
    assert sink.messages == []


async def test_a_fault_of_ours_postpones_one_message_and_no_other(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry = Carrier.carry

    async def faulty(self: Carrier, message: HeldMessage, *more: object) -> None:
        if message.message_id == "bad":
            raise ZeroDivisionError
        await carry(self, message, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Carrier, "carry", faulty)
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        for name in ("bad", "good"):
            put(world, a_held_message(name, state=HeldState.RELEASING))
        await world.turn(2)
        assert {one.message_id: one.state for one in world.all()} == {
            "bad": HeldState.RELEASING,
            "good": HeldState.RELEASED,
        }
        assert world.records.due_held(world.spool, place.now[0] + 3599.0, 10) == []


async def test_without_profiles_nothing_goes_by_itself_and_what_was_released_goes(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        put(world, a_held_message("waits"))
        put(world, a_held_message("goes", state=HeldState.RELEASING))
        place.profiles.fault = Temporary("profiles.sqlite: cannot be read: disk I/O error")
        await world.turn(2)
        assert {one.message_id: one.state for one in world.all()} == {
            "waits": HeldState.HELD,
            "goes": HeldState.RELEASED,
        }
        place.profiles.fault = None
        place.now[0] += LOOK_AGAIN
        await world.turn(3)
        assert world.states() == [HeldState.RELEASED] * 2
    assert len(sink.messages) == 2


async def test_it_runs_until_it_is_cancelled_and_survives_records_that_are_away(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        world.records.decide_held(HeldSelection(message="t1"), HeldDecision.RELEASE, "olga", place.now[0])
        task = asyncio.get_running_loop().create_task(world.releaser.run())
        await asyncio.to_thread(sink.wait_for_messages, 1)
        await world.releaser.settled()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert world.states() == [HeldState.RELEASED]
