import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from detector.config import ClientTls, NextHop
from detector.mail.reply import Reply
from detector.relay.dial import connect
from detector.relay.next_hop import PIECE_BYTES, Capabilities, Connection, NextHopError
from tests.support.hurry import hurry
from tests.support.ports import PATIENCE
from tests.support.scripted_server import Script, ScriptedServer, Talk, polite

SETTINGS = NextHop(tls=ClientTls(mode="off"), connect_time=PATIENCE, reply_time=PATIENCE)
MESSAGE = [b"Subject: hello\r\n\r\n", b"..dots\r\n", b".\r\n"]


@asynccontextmanager
async def connected(script: Script) -> AsyncIterator[tuple[Connection, Talk]]:
    async with ScriptedServer(script) as server:
        connection = await connect(server.address, "hop.example", SETTINGS, None)
        yield connection, server.talks[0]
        connection.close()


async def begin(connection: Connection) -> None:
    replies = await connection.commands([b"MAIL FROM:<ann@example.org>", b"RCPT TO:<bob@example.net>"])
    assert [reply.code for reply in replies] == [250, 250]
    assert (await connection.command(b"DATA")).code == 354


async def until_data(talk: Talk) -> None:
    await talk.welcome(b"PIPELINING")
    for verb in (b"MAIL", b"RCPT"):
        await talk.hear(verb)
        await talk.say(b"250 ok")
    await talk.hear(b"DATA")
    await talk.say(b"354 go on")


def test_capabilities_are_keywords_with_parameters() -> None:
    reply = Reply(250, ("next.example greets you", "SIZE 1000", "auth PLAIN LOGIN", "PIPELINING", ""))
    capabilities = Capabilities.of(reply)
    assert capabilities.keywords == {"SIZE": "1000", "AUTH": "PLAIN LOGIN", "PIPELINING": ""}
    assert capabilities.size == 1000
    assert capabilities.offers("PIPELINING")
    assert not capabilities.offers("DSN")


@pytest.mark.parametrize("parameter", ["", " 0", " many", " -1", " ²"])
def test_a_size_that_is_no_limit_is_none(parameter: str) -> None:
    assert Capabilities.of(Reply(250, ("next.example", f"SIZE{parameter}"))).size is None


async def test_replies_come_back_word_for_word() -> None:
    octets = b"550-5.1.1 No such user\r\n550-  \xe4h\r\n550 see https://next.example/\r\n"

    async def refuses(talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"RCPT")
        talk.writer.write(octets)
        await talk.hear_end()

    async with connected(refuses) as (connection, _):
        assert bytes(await connection.command(b"RCPT TO:<nobody@example.net>")) == octets


async def test_a_command_goes_out_as_it_is() -> None:
    line = b"MAIL FROM:<ann@example.org> SIZE=1000 BODY=8BITMIME AUTH=<> \xc3\xa4\xff"
    async with connected(polite) as (connection, talk):
        await connection.command(line)
        assert talk.heard[-1] == line


@pytest.mark.parametrize("line", [b"NOOP\r\nQUIT", b"NOOP\n", b"NO\rOP"])
async def test_a_command_is_one_line(line: bytes) -> None:
    async with connected(polite) as (connection, talk):
        with pytest.raises(ValueError, match="one line"):
            await connection.command(line)
        assert len(talk.heard) == 1


async def test_commands_are_sent_in_one_group_where_that_is_offered() -> None:
    async def reads_all_first(talk: Talk) -> None:
        await talk.welcome(b"PIPELINING")
        for verb in (b"MAIL", b"RCPT", b"RCPT", b"DATA"):
            await talk.hear(verb)
        await talk.say(b"250 mail", b"250 first", b"550-not", b"550 second", b"354 go on")
        await talk.hear_end()

    async with connected(reads_all_first) as (connection, _):
        replies = await connection.commands([b"MAIL FROM:<>", b"RCPT TO:<a>", b"RCPT TO:<b>", b"DATA"])
        assert replies == [
            Reply(250, ("mail",)),
            Reply(250, ("first",)),
            Reply(550, ("not", "second")),
            Reply(354, ("go on",)),
        ]


async def test_commands_are_sent_one_by_one_where_groups_are_not_offered() -> None:
    async def one_by_one(talk: Talk) -> None:
        await talk.welcome(b"SIZE")
        for verb in (b"MAIL", b"RCPT", b"DATA"):
            await talk.hear(verb)
            with pytest.raises(TimeoutError):  # nothing more comes before the reply
                await asyncio.wait_for(talk.reader.read(1), 0.01)
            await talk.say(b"250 " + verb)

    async with connected(one_by_one) as (connection, _):
        replies = await connection.commands([b"MAIL FROM:<>", b"RCPT TO:<a>", b"DATA"])
        assert [reply.lines for reply in replies] == [("MAIL",), ("RCPT",), ("DATA",)]


@pytest.mark.parametrize("offer", [b"PIPELINING", b"SIZE"])
async def test_after_a_421_every_command_gets_it(offer: bytes) -> None:
    async def goes_down(talk: Talk) -> None:
        await talk.welcome(offer)
        await talk.hear(b"MAIL")
        await talk.say(b"250 ok")
        await talk.hear(b"RCPT")
        await talk.say(b"421 4.3.2 going down")
        await talk.hear_end()

    async with connected(goes_down) as (connection, _):
        replies = await connection.commands([b"MAIL FROM:<>", b"RCPT TO:<a>", b"RCPT TO:<b>"])
        farewell = Reply(421, ("4.3.2 going down",))
        assert replies[1:] == [farewell, farewell]
        assert not connection.usable
        assert await connection.command(b"RSET") == farewell
        assert await connection.body(MESSAGE) == farewell


async def test_a_421_that_comes_by_itself_answers_the_next_command() -> None:
    async def tires(talk: Talk) -> None:
        await talk.welcome()
        await talk.say(b"421 4.4.2 timeout")

    async with connected(tires) as (connection, _):
        await connection.wire.ended
        assert not connection.usable
        assert (await connection.command(b"MAIL FROM:<>")).code == 421


@pytest.mark.parametrize("final", [b"250 2.0.0 queued as 1", b"451 4.3.0 later", b"554 5.6.0 no"])
async def test_a_message_arrives_octet_for_octet_and_is_answered(final: bytes) -> None:
    async def takes(talk: Talk) -> None:
        await until_data(talk)
        await talk.hear_message()
        await talk.say(final)
        await talk.hear_end()

    async with connected(takes) as (connection, talk):
        await begin(connection)
        assert not connection.reusable
        assert bytes(await connection.body(MESSAGE)) == final + b"\r\n"
        assert talk.message == b"".join(MESSAGE)[:-3]
        assert connection.reusable


async def test_a_transaction_ends_with_rset_as_well() -> None:
    async with connected(polite) as (connection, _):
        await connection.command(b"MAIL FROM:<>")
        assert not connection.reusable
        await connection.command(b"RSET")
        assert connection.reusable


async def test_a_refused_mail_command_begins_nothing() -> None:
    async def refuses(talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"MAIL")
        await talk.say(b"550 no")
        await talk.hear_end()

    async with connected(refuses) as (connection, _):
        await connection.command(b"MAIL FROM:<>")
        assert connection.reusable


async def test_a_large_message_passes_a_slow_reader_in_bounded_memory() -> None:
    size, chunk = 50_000_000, b"x" * 998 + b"\r\n"
    digest = hashlib.sha256()

    async def reads_slowly(talk: Talk) -> None:
        await until_data(talk)
        left = size + 3
        while left:
            octets = await talk.reader.read(65_536)
            digest.update(octets)
            left -= len(octets)
            await asyncio.sleep(0)
        await talk.say(b"250 ok")

    most = 0
    async with connected(reads_slowly) as (connection, _):

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal most
            for _ in range(size // len(chunk)):
                most = max(most, connection.wire._transport.get_write_buffer_size())
                yield chunk
            yield b".\r\n"

        await begin(connection)
        assert (await connection.body(chunks())).code == 250
    assert digest.digest() == hashlib.sha256(chunk * (size // len(chunk)) + b".\r\n").digest()
    assert most < 1_000_000


async def test_one_chunk_may_be_the_whole_message() -> None:
    message = (b"x" * 998 + b"\r\n") * 20_000

    async with connected(polite) as (connection, talk):
        await begin(connection)
        assert (await connection.body([message + b".\r\n"])).code == 250
        assert talk.message == message


async def test_a_reader_that_stops_within_the_message_is_a_timeout() -> None:
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        while True:
            given += 65_536
            yield b"x" * 65_536

    stop = asyncio.Event()

    async def stops(talk: Talk) -> None:
        await until_data(talk)
        await stop.wait()

    async with connected(stops) as (connection, _):
        await begin(connection)
        hurry(connection.wire, 0.3)
        with pytest.raises(NextHopError) as caught:
            await connection.body(endless())
        stop.set()
    assert caught.value.reason == "timeout"
    assert given < 32_000_000  # what fits into the buffers of the kernel, and ours


async def test_a_message_that_breaks_off_is_never_ended_with_a_dot() -> None:
    everything: list[bytes] = []

    async def takes(talk: Talk) -> None:
        await until_data(talk)
        try:
            everything.append(await talk.hear_end())
        except OSError:
            everything.append(b"")

    def breaks_off() -> Iterator[bytes]:
        yield b"Subject: hello\r\n"
        raise RuntimeError("no more")

    async with connected(takes) as (connection, talk):
        await begin(connection)
        with pytest.raises(RuntimeError, match="no more"):
            await connection.body(breaks_off())
        assert not connection.usable
        await talk.ended.wait()
    assert b"\r\n." not in everything[0]


async def test_a_refusal_before_the_end_of_the_message_is_given_back() -> None:
    async def refuses_early(talk: Talk) -> None:
        await until_data(talk)
        await talk.reader.readexactly(100_000)
        await talk.say(b"552 5.3.4 too big")
        await talk.hear_end()

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 10_000

    async with connected(refuses_early) as (connection, _):
        await begin(connection)
        assert (await connection.body(endless())).code == 552
        assert not connection.usable


async def test_an_acceptance_before_the_end_of_the_message_is_not_believed() -> None:
    async def accepts_early(talk: Talk) -> None:
        await until_data(talk)
        await talk.say(b"250 ok")
        await talk.hear_end()

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 10_000

    async with connected(accepts_early) as (connection, _):
        await begin(connection)
        with pytest.raises(NextHopError) as caught:
            await connection.body(endless())
    assert caught.value.reason == "protocol"


@pytest.mark.parametrize("answer", [b"250 ok", b"552 5.3.4 too big"])
async def test_what_is_answered_before_the_system_has_taken_the_end_is_answered_too_early(answer: bytes) -> None:
    stop = asyncio.Event()

    async def answers_early(talk: Talk) -> None:
        talk.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        await until_data(talk)
        await talk.reader.readexactly(1)
        cast("asyncio.Transport", talk.writer.transport).pause_reading()
        await talk.say(answer)
        await stop.wait()

    async with connected(answers_early) as (connection, _):
        connection.wire._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        await begin(connection)
        heard = str(await _of(connection.body(b"x" * (PIECE_BYTES - 5) + b"\r\n.\r\n")))
        assert not connection.usable
        stop.set()
    assert ("accepted a message before its end" in heard) == (answer == b"250 ok")
    assert ("too big" in heard) == (answer != b"250 ok")


async def _of(reply: Awaitable[Reply]) -> Reply | NextHopError:
    try:
        return await reply
    except NextHopError as error:
        return error


async def test_a_connection_lost_within_the_message_is_told() -> None:
    async def cuts(talk: Talk) -> None:
        await until_data(talk)
        await talk.reader.readexactly(100_000)
        talk.cut()

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 10_000

    async with connected(cuts) as (connection, _):
        await begin(connection)
        with pytest.raises(NextHopError) as caught:
            await connection.body(endless())
    assert caught.value.reason == "lost"


async def test_quit_waits_for_the_end() -> None:
    async with connected(polite) as (connection, talk):
        await connection.quit()
        assert talk.heard[-1] == b"QUIT"
        assert not connection.usable


async def test_quit_within_a_transaction_just_closes() -> None:
    async with connected(polite) as (connection, talk):
        await connection.command(b"MAIL FROM:<>")
        await connection.quit()
        await talk.ended.wait()
        assert b"QUIT" not in talk.heard
