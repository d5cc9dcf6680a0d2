"""Held mail from the client's 250 to the next hop, with everything real but the clock."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from detector import config
from detector.mail.address import Address
from detector.mail.headers import Arrival
from detector.mail.transaction import Recipient, RecipientStatus
from detector.mail.written import Written
from detector.metrics import Metrics
from detector.ports import Clock, SessionFacts
from detector.records.held_entries import HeldDecision, HeldSelection, HeldState
from detector.records.records import Records
from detector.relay.dots import unstuffed
from detector.relay.draft import Draft, Hold
from detector.relay.held_room import HeldHatch, HeldRoom, open_room
from detector.replay.engine import Engine
from detector.replay.profiles import Profiles
from detector.verdict.hold import PROBATION
from detector.verdict.release import LOOK_AGAIN
from tests.support.held_house import DOUBTFUL, STRANGERS, doubtful, held_house
from tests.support.mail_to import ANN
from tests.support.relay_house import house
from tests.support.smtp_sink import SmtpSink
from tests.support.text_model import small_reader

Settings = Callable[..., config.Config]
ARRIVAL, NULL = Arrival("", "", ""), Address("", "")
BODY = b"Subject: x\r\n\r\n..two dots\r\n.one\r\nthe end"


async def test_a_doubtful_message_is_held_and_goes_by_itself_when_its_evidence_has_faded(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        assert await doubtful(place) == "250 2.0.0 Ok: queued as t1"
        await world.turn()
        assert world.states() == [HeldState.HELD]
        assert sink.messages == []
        place.now[0] += PROBATION + 1
        await world.turn(2)
        assert world.states() == [HeldState.RELEASED]
    (message,) = sink.messages
    assert list(message.addresses) == STRANGERS


async def test_a_person_releases_it_at_once(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        world.records.decide_held(HeldSelection(message="t1"), HeldDecision.RELEASE, "ann", place.now[0])
        await world.turn()
        assert world.states() == [HeldState.RELEASED]
    assert len(sink.messages) == 1


async def test_the_replay_of_a_record_holds_releases_and_learns_the_same(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        profiles = Profiles()
        engine = Engine(place.route.assessor.policy, profiles, small_reader())
        await doubtful(place, body=BODY)
        message = world.one()
        recipients = tuple(
            Recipient(Address.parse(stranger), RecipientStatus.ACCEPTED, "2.0.0") for stranger in STRANGERS
        )
        outcome = engine.transact(
            replace(message.transaction, recipients=recipients), Written.of(unstuffed(BODY + b"\r\n"))
        )
        assert outcome.held
        assert outcome.verdict == message.verdict
        assert profiles.get(ANN) == place.profiles.profiles[ANN]
        place.now[0] += PROBATION - 1.0
        await world.turn(2)
        assert (world.states(), list(engine.released(place.now[0]))) == ([HeldState.HELD], [])
        place.now[0] += LOOK_AGAIN + 1.0
        await world.turn(2)
        assert (world.states(), list(engine.released(place.now[0]))) == ([HeldState.RELEASED], ["t1"])
        assert profiles.get(ANN) == place.profiles.profiles[ANN]


async def test_a_room_opens_puts_in_order_what_was_left_and_ends_what_is_under_way(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    directory = tmp_path / "state"
    (directory / "held").mkdir(parents=True)
    (directory / "held" / "unfinished.new").write_bytes(b"x")
    configured = settings(DOUBTFUL, f'state.directory = "{directory}"')
    records = Records(configured.records_url)
    async with open_room(configured, records, Metrics("test"), lambda: 0.0, lambda: "r1") as room:
        assert not room.intake.may_have(
            Draft("t1", SessionFacts("", {"IDENT": "3QID"}, {}, "", ""), ARRIVAL, NULL, 0.0)
        )
        assert sorted(path.name for path in (directory / "held").iterdir()) == ["id", "lock"]
        with pytest.raises(config.ConfigError, match="is used by another running detector"):
            HeldRoom(configured, records, Metrics("test"), lambda: 0.0, lambda: "r1")
    HeldRoom(configured, records, Metrics("test"), lambda: 0.0, lambda: "r1")
    records.close()


async def test_a_hatch_takes_mail_for_the_room_of_another_process_and_tells_what_it_has(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "held").mkdir()
    configured = settings(DOUBTFUL, f'state.directory = "{tmp_path}"', "hold.messages = 1")
    records, told = Records(configured.records_url), list[str]()

    def hatch(metrics: Metrics, clock: Clock) -> Hold:
        return HeldHatch(configured, records, metrics, clock, told.append).intake

    async with open_room(configured, records, Metrics("test"), lambda: 0.0, lambda: "r1"):
        async with house(configured, tmp_path, sink, hold=hatch) as place:
            assert await doubtful(place) == "250 2.0.0 Ok: queued as t1"
    draft = Draft("t2", SessionFacts("127.0.0.1", {"IDENT": "3QID"}, {}, "", ""), ARRIVAL, NULL, 0.0)
    other = HeldHatch(configured, records, Metrics("test"), lambda: 0.0, lambda _: None)
    assert not other.intake.may_have(draft)
    other.intake.remember(told)
    assert other.intake.may_have(draft)
    third = HeldHatch(configured, records, Metrics("test"), lambda: 0.0, lambda _: None)
    await third.start()  # it was not there when that was told
    assert third.intake.may_have(draft)
    async with house(configured, tmp_path, sink, hold=lambda *_: third.intake) as place:
        assert (await doubtful(place, "4QID")).startswith("451 ")  # the room is full, whoever has filled it
    records.close()
