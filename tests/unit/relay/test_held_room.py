"""Held mail from the client's 250 to the next hop, with everything real but the clock."""

from collections.abc import Callable
from pathlib import Path

from detector import config
from detector.records.held_entries import HeldDecision, HeldSelection, HeldState
from detector.verdict.hold import PROBATION
from tests.support.held_house import DOUBTFUL, STRANGERS, doubtful, held_house
from tests.support.smtp_sink import SmtpSink

Settings = Callable[..., config.Config]
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
