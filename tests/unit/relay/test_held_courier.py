"""One attempt: what the next hop says, where the connection breaks, and what is claimed when."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from detector import config
from detector.config import HostPort
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.records.held_entries import (
    HeldDecision,
    HeldMessage,
    HeldRecipient,
    HeldSelection,
    HeldState,
    RecipientState,
)
from detector.relay.held_courier import Courier, Delivery, Withdrawn
from detector.relay.pool import Pool
from tests.support.held_house import HeldWorld, a_held_message, make_world
from tests.support.scripted_server import ScriptedServer, Talk, polite
from tests.support.smtp_sink import SmtpSink

Settings = Callable[..., config.Config]
R = RecipientState
TWO = (HeldRecipient("TO:<bob@example.net> NOTIFY=NEVER"), HeldRecipient("TO:<cid@example.net>"))


class Road:
    """A world with one released message, and a pool to a next hop."""

    def __init__(self, world: HeldWorld, pool: Pool) -> None:
        self.world = world
        self.pool = pool
        self.courier = Courier(world.files, world.records, lambda: 20.0)

    def put(self, message: HeldMessage, content: bytes = b"Subject: x\r\n\r\n..dot\r\n") -> None:
        writer = self.world.files.create(message.message_id)
        writer.write(content)
        writer.commit()
        self.world.records.put_held(message)

    async def go(self) -> Delivery:
        return await self.courier.attempt(self.world.one(), self.pool)

    @property
    def state(self) -> HeldState:
        return self.world.one().state


@asynccontextmanager
async def road(
    directory: Path, settings: config.Config, port: int, to: tuple[HeldRecipient, ...] = TWO
) -> AsyncIterator[Road]:
    metrics = Metrics("test")
    world = make_world(directory, settings, metrics, lambda: 20.0)
    servers = (HostPort(host="127.0.0.1", port=port),)
    pool = Pool(settings.next_hop.model_copy(update={"servers": servers}), "hop.example", metrics)
    found = Road(world, pool)
    found.put(
        a_held_message(
            state=HeldState.RELEASING,
            recipients=to,
            mail="FROM:<ann@example.org> RET=HDRS",
            xforward={"ADDR": "192.0.2.1"},
        )
    )
    try:
        yield found
    finally:
        await pool.close()
        world.records.close()


def states(delivery: Delivery) -> list[RecipientState]:
    return [one.state for one in delivery.recipients]


async def test_everything_goes_word_for_word_and_is_claimed_before_its_end(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with road(tmp_path, settings(), sink.port) as way:
        delivery = await way.go()
        assert states(delivery) == [R.SENT, R.SENT]
        assert delivery.recipients[0].reply == "250 2.0.0 Ok"
        assert way.state is HeldState.SENDING
        assert way.world.one().with_state(R.SENDING) == (
            HeldRecipient(TWO[0].argument, R.SENDING),
            HeldRecipient(TWO[1].argument, R.SENDING),
        )
    (message,) = sink.messages
    assert message.sender.parameters == ("RET=HDRS",)
    assert message.recipients[0].parameters == ("NOTIFY=NEVER",)
    assert message.xforward == {"ADDR": "192.0.2.1"}
    assert message.content == b"Subject: x\r\n\r\n.dot\r\n"


async def test_recipients_are_answered_one_by_one(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    sink.answer("RCPT", "bob", "550 5.1.1 No such user")
    async with road(tmp_path, settings(), sink.port) as way:
        delivery = await way.go()
        assert states(delivery) == [R.REFUSED, R.SENT]
        assert delivery.recipients[0].reply == "550 5.1.1 No such user"
    assert [message.addresses for message in sink.messages] == [("cid@example.net",)]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize("code", ["451 4.3.0 Later", "554 5.7.1 Never"])
async def test_a_no_at_any_place_is_heard_by_all(
    sink: SmtpSink, settings: Settings, tmp_path: Path, verb: str, code: str
) -> None:
    state = R.WAITING if code.startswith("4") else R.REFUSED
    sink.answer(verb, "", code)
    async with road(tmp_path, settings(), sink.port) as way:
        delivery = await way.go()
        assert states(delivery) == [state, state]
        assert {one.reply for one in delivery.recipients} == {code}
        assert delivery.fault == ("deferred" if state is R.WAITING else "")
    assert sink.messages == []


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_a_connection_that_breaks_before_the_end_mark_has_done_nothing(
    sink: SmtpSink, settings: Settings, tmp_path: Path, verb: str
) -> None:
    sink.answer(verb, "", "close")
    async with road(tmp_path, settings(), sink.port) as way:
        delivery = await way.go()
        assert states(delivery) == [R.WAITING, R.WAITING]
        assert delivery.fault == "lost"
        assert way.state is HeldState.RELEASING


async def test_a_connection_that_breaks_after_the_end_mark_leaves_a_doubt(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("END", "", "close")
    async with road(tmp_path, settings(), sink.port) as way:
        delivery = await way.go()
        assert states(delivery) == [R.SENDING, R.SENDING]
        assert delivery.fault == "next_hop"


async def test_a_kept_connection_that_died_unseen_is_replaced_at_once(settings: Settings, tmp_path: Path) -> None:
    async def once(talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"MAIL")
        talk.cut()

    async with ScriptedServer(once, polite) as next_hop:
        async with road(tmp_path, settings(), next_hop.address.port) as way:
            assert states(await way.go()) == [R.SENT, R.SENT]


async def test_nobody_there_is_tried_later(settings: Settings, tmp_path: Path) -> None:
    async with ScriptedServer(polite) as gone:
        port = gone.address.port
    async with road(tmp_path, settings(), port) as way:
        delivery = await way.go()
        assert (states(delivery), delivery.fault) == ([R.WAITING, R.WAITING], "next_hop")


async def test_a_message_that_was_withdrawn_meanwhile_is_not_ended(settings: Settings, tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def listen(talk: Talk) -> None:
        await talk.welcome()
        for answer in (b"250 Ok", b"250 Ok", b"250 Ok"):
            await talk.hear()
            await talk.say(answer)
        await talk.hear(b"DATA")
        await talk.say(b"354 Go on")
        heard.append(await talk.hear_end())

    async with ScriptedServer(listen) as next_hop:
        async with road(tmp_path, settings(), next_hop.address.port) as way:
            message = way.world.one()
            way.world.records.decide_held(HeldSelection(message="t1"), HeldDecision.DISCARD, "olga", 15.0)
            with pytest.raises(Withdrawn):
                await way.courier.attempt(message, way.pool)
            await next_hop.talks[0].ended.wait()
    assert heard == [b"Subject: x\r\n\r\n..dot\r\n"]


@pytest.mark.parametrize("harm", ["cut", "missing"])
async def test_a_damaged_file_is_never_sent_to_its_end(
    sink: SmtpSink, settings: Settings, tmp_path: Path, harm: str
) -> None:
    async with road(tmp_path, settings(), sink.port) as way:
        path = way.world.files.path("t1")
        if harm == "missing":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-5])
        delivery = await way.go()
        assert (states(delivery), delivery.fault) == ([R.WAITING, R.WAITING], "unreadable")
    assert sink.messages == []


async def test_without_records_it_is_not_sent(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with road(tmp_path, settings(), sink.port) as way:

        def claim(*_: object) -> bool:
            raise Temporary("records: claim_held: locked")

        monkeypatch.setattr(way.world.records, "claim_held", claim, raising=False)
        delivery = await way.go()
        assert (states(delivery), delivery.fault) == ([R.WAITING, R.WAITING], "records")
    assert sink.messages == []


async def test_who_has_it_is_not_asked_again(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    done = (HeldRecipient(TWO[0].argument, R.SENT), TWO[1])
    async with road(tmp_path, settings(), sink.port, done) as way:
        assert states(await way.go()) == [R.SENT, R.SENT]
    assert [message.addresses for message in sink.messages] == [("cid@example.net",)]
