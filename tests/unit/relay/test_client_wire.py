import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import HostPort
from detector.mail.reply import Reply
from detector.relay.client_wire import ClientWire, NextHopError
from detector.relay.dial import open_wire
from tests.support.hurry import hurry
from tests.support.ports import PATIENCE
from tests.support.scripted_server import Script, ScriptedServer, Talk


async def wire_to(server: ScriptedServer, reply_time: float = PATIENCE) -> ClientWire:
    return await open_wire(server.address, reply_time)


async def ask(wire: ClientWire, *lines: bytes) -> list[Reply]:
    expected = wire.expect([line.decode() for line in lines])
    wire.write(b"".join(line + b"\r\n" for line in lines))
    return await wire.replies(expected)


async def failure(script: Script, reply_time: float = PATIENCE) -> NextHopError:
    """How the caller learns it, who has read the greeting and then asks NOOP."""
    async with ScriptedServer(script) as server:
        wire = await wire_to(server)
        await wire.replies(wire.greeting)
        hurry(wire, reply_time)
        with pytest.raises(NextHopError) as caught:
            await ask(wire, b"NOOP")
        assert not wire.usable
        with pytest.raises(NextHopError):
            wire.expect(["NOOP"])
        return caught.value


async def test_a_reply_may_come_octet_by_octet() -> None:
    octets = b"250-one\r\n250-\r\n250 three\r\n"

    async def in_pieces(talk: Talk) -> None:
        await talk.say_in_pieces(b"220-next\r\n220 hop\r\n")
        await talk.hear(b"NOOP")
        await talk.say_in_pieces(octets)

    async with ScriptedServer(in_pieces) as server:
        wire = await wire_to(server)
        assert await wire.replies(wire.greeting) == [Reply(220, ("next", "hop"))]
        (reply,) = await ask(wire, b"NOOP")
        assert bytes(reply) == octets


async def test_a_server_that_stalls_is_a_timeout() -> None:
    async def stalls(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear(b"NOOP")
        await talk.hear_end()

    error = await failure(stalls, reply_time=0.05)
    assert error.reason == "timeout"
    assert "NOOP" in str(error)


async def test_a_server_that_stalls_within_a_reply_is_a_timeout() -> None:
    async def stalls(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear(b"NOOP")
        await talk.say_in_pieces(b"250-a\r\n25")
        await talk.hear_end()

    assert (await failure(stalls, reply_time=0.05)).reason == "timeout"


async def test_a_connection_that_never_comes_about_leaves_nothing_behind_that_waits() -> None:
    """A dead next hop is tried again and again; each attempt would stay in memory for a while, and then complain."""
    complaints: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    with pytest.raises(ConnectionRefusedError):
        await open_wire(HostPort(host="127.0.0.1", port=1), reply_time=0.0)
    await asyncio.sleep(0.0)  # a turn for what waits no time
    assert complaints == []


class Hours:
    """The event loop of a connection, for which time goes by when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.create_future = asyncio.get_running_loop().create_future

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.Handle:
        self.timers.append((self.now + delay, callback))
        return asyncio.Handle(callback, (), asyncio.get_running_loop())

    def pass_by(self, seconds: float) -> None:
        """Second by second, as the timers of a real loop."""
        for _ in range(round(seconds)):
            self.now += 1.0
            due = [timer for timer in self.timers if timer[0] <= self.now]
            self.timers = [timer for timer in self.timers if timer not in due]
            for _, callback in due:
                callback()


@pytest.mark.parametrize("seconds", [45.0, 65.0])
async def test_each_reply_has_the_whole_time(seconds: float) -> None:
    hours = Hours()

    async def slow(talk: Talk) -> None:
        await talk.say(b"220 hop")
        for _ in range(4):
            await talk.hear(b"NOOP")
            hours.pass_by(seconds)
            await talk.say(b"250 ok")

    async with ScriptedServer(slow) as server:
        wire = await wire_to(server)
        await wire.replies(wire.greeting)
        hurry(wire, 60.0)
        wire._loop = cast("asyncio.AbstractEventLoop", hours)
        if seconds > 60.0:
            with pytest.raises(NextHopError, match="nothing for 60 s"):
                await ask(wire, b"NOOP")
        else:
            assert [(await ask(wire, b"NOOP"))[0].code for _ in range(4)] == [250] * 4
        wire.close()


async def test_a_lost_connection_is_told_at_once() -> None:
    async def cuts(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear(b"NOOP")
        talk.cut()

    assert (await failure(cuts)).reason == "lost"


async def test_a_connection_that_ends_within_a_reply_is_lost() -> None:
    async def ends(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear(b"NOOP")
        await talk.say(b"250-and so on")

    assert (await failure(ends)).reason == "lost"


@pytest.mark.parametrize("garbage", [b"nonsense", b"250-a\r\n550 b", b"\x00\xff", b"250 " + b"x" * 70_000])
async def test_garbage_ends_the_connection(garbage: bytes) -> None:
    async def says_garbage(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear(b"NOOP")
        await talk.say(garbage)
        await talk.hear_end()

    assert (await failure(says_garbage)).reason == "protocol"


@pytest.mark.parametrize("reply", [b"354 go on", b"334 ", b"350 more"])
async def test_who_asks_for_more_where_there_is_no_more_is_not_believed(reply: bytes) -> None:
    """Only DATA is answered so; the client, to whom every reply goes, would wait or send what nobody expects."""

    async def asks_for_more(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear(b"NOOP")
        await talk.say(reply)
        await talk.hear_end()

    assert (await failure(asks_for_more)).reason == "protocol"


async def test_one_reply_too_many_is_never_the_answer_to_the_next_command() -> None:
    async def says_too_much(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear(b"NOOP")
        await talk.say(b"250 ok", b"250 and again")
        await talk.hear_end()

    async with ScriptedServer(says_too_much) as server:
        wire = await wire_to(server)
        await wire.replies(wire.greeting)
        assert (await ask(wire, b"NOOP"))[0].lines == ("ok",)
        await wire.ended
        with pytest.raises(NextHopError) as caught:
            await ask(wire, b"NOOP")
        assert caught.value.reason == "protocol"


async def test_half_a_reply_too_many_ends_the_connection() -> None:
    async def says_too_much(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear(b"NOOP")
        talk.writer.write(b"250 ok\r\n250 and")
        await talk.hear_end()

    async with ScriptedServer(says_too_much) as server:
        wire = await wire_to(server)
        await wire.replies(wire.greeting)
        await ask(wire, b"NOOP")
        assert not wire.quiet
        with pytest.raises(NextHopError) as caught:
            await ask(wire, b"NOOP")
        assert caught.value.reason == "protocol"


async def test_a_421_answers_everything_that_is_open() -> None:
    async def says_farewell(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear(b"MAIL")
        await talk.say(b"250 ok", b"421 4.3.2 going down")
        await talk.hear_end()

    async with ScriptedServer(says_farewell) as server:
        wire = await wire_to(server)
        await wire.replies(wire.greeting)
        replies = await ask(wire, b"MAIL", b"RCPT", b"RCPT")
        assert [reply.code for reply in replies] == [250, 421, 421]
        assert not wire.usable
        assert wire.failure is None


async def test_a_cancelled_caller_leaves_no_reply_behind() -> None:
    heard = asyncio.Event()

    async def never_answers(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear(b"NOOP")
        heard.set()
        await talk.hear_end()

    async with ScriptedServer(never_answers) as server:
        wire = await wire_to(server)
        await wire.replies(wire.greeting)
        asking = asyncio.ensure_future(ask(wire, b"NOOP"))
        await heard.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert not wire.usable
        await server.talks[0].ended.wait()


async def test_two_callers_at_once_are_a_mistake_of_ours() -> None:
    async def greets(talk: Talk) -> None:
        await talk.say(b"220 hop")
        await talk.hear_end()

    async with ScriptedServer(greets) as server:
        wire = await wire_to(server)
        await wire.replies(wire.greeting)
        wire.expect(["NOOP"])
        with pytest.raises(RuntimeError):
            wire.expect(["NOOP"])
        wire.close()


replies_and_garbage = st.lists(
    st.sampled_from([b"250 ok\r\n", b"250-", b"421 bye\r\n", b"354 go\r\n", b"\r", b"\n", b"x", b"\xff"]) | st.binary(),
    max_size=6,
).map(b"".join)


@settings(max_examples=40, deadline=None)
@given(replies_and_garbage)
def test_whatever_a_server_says_is_a_reply_or_a_next_hop_error(octets: bytes) -> None:
    async def says(talk: Talk) -> None:
        talk.writer.write(octets)

    async def listen() -> str:
        async with ScriptedServer(says) as server:
            wire = await wire_to(server)
            try:
                await wire.replies(wire.greeting)
                await ask(wire, b"NOOP", b"NOOP")
            except NextHopError as error:
                return error.reason
            finally:
                wire.close()
            return "answered"

    assert asyncio.run(listen()) in {"protocol", "lost", "answered"}
