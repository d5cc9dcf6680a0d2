import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from detector.config import HostPort, NextHop
from detector.mail.reply import Reply
from detector.metrics import Metrics
from detector.relay.next_hop import Connection, NextHopError
from detector.relay.pool import Pool
from detector.relay.upstream import Upstream
from tests.support.hurry import hurry
from tests.support.ports import PATIENCE
from tests.support.scripted_server import ScriptedServer, Talk, polite
from tests.support.stores import eventually


class Hops:
    """A pool in front of scripted servers."""

    def __init__(self, servers: tuple[ScriptedServer, ...], **settings: float) -> None:
        self.metrics = Metrics("test")
        addresses = [str(server.address) for server in servers]
        section = {"servers": addresses, "tls": {"mode": "off"}, "connect_time": PATIENCE, **settings}
        self.settings = NextHop.model_validate(section)
        self.pool = Pool(self.settings, "hop.example", self.metrics)

    def count(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@asynccontextmanager
async def hops(*servers: ScriptedServer, **settings: float) -> AsyncIterator[Hops]:
    for server in servers:
        await server.start()
    made = Hops(servers, **settings)
    yield made
    await made.pool.close()
    for server in servers:
        await server.stop()


async def mail(connection: Connection) -> list[Reply]:
    return [await connection.command(b"MAIL FROM:<>")]


async def deliver(pool: Pool) -> Connection:
    connection = await pool.acquire()
    await connection.commands([b"MAIL FROM:<>", b"RCPT TO:<a@example.net>", b"DATA"])
    assert (await connection.body([b"hello\r\n", b".\r\n"])).code == 250
    pool.release(connection)
    return connection


class Silent:
    """A script that never greets, and tells that somebody waits for it."""

    def __init__(self) -> None:
        self.called = asyncio.Event()

    async def __call__(self, talk: Talk) -> None:
        self.called.set()
        await talk.hear_end()


async def is_busy(talk: Talk) -> None:
    await talk.say(b"421 4.3.2 later")


# -- kept connections --


async def test_mail_does_not_wait_for_each_kept_connection_to_a_server_that_stands_still() -> None:
    """One that the system stopped keeps its connections, and even gets new ones, but says nothing any more."""

    async def takes_one_message(talk: Talk) -> None:
        await talk.welcome()
        for answer in (b"250 ok", b"250 ok", b"354 go on"):
            await talk.hear()
            await talk.say(answer)
        await talk.hear_message()
        await talk.say(b"250 2.0.0 Ok")
        await talk.hear_end()

    first, second = ScriptedServer(takes_one_message, takes_one_message), ScriptedServer(polite)
    async with hops(first, second, reply_time=PATIENCE) as made:
        kept = [await made.pool.acquire() for _ in range(2)]
        for connection in kept:
            await connection.command(b"MAIL FROM:<>")
            await connection.command(b"RCPT TO:<a@example.net>")
            await connection.command(b"DATA")
            assert (await connection.body(b"hello\r\n.\r\n")).code == 250
        for connection in kept:
            hurry(connection.wire, 0.2)
            made.pool.release(connection)
        next_hop = Upstream(made.pool, made.metrics)
        assert (await next_hop.ask(mail))[0].code == 451
        assert next_hop.lost
        assert (await next_hop.ask_anew(mail))[0].code == 250  # the second server
        await next_hop.give_back()
        assert sorted(len(talk.heard) for talk in first.talks) == [
            4,
            4,
        ]  # nobody waited for the other, or for a new one
        assert made.count("detector_next_hop_failures_total", reason="timeout") == 1.0


async def test_a_kept_connection_that_has_answered_is_as_patient_as_any() -> None:
    async def stops_in_rcpt(talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"MAIL")
        await talk.say(b"250 ok")
        await talk.hear(b"RSET")
        await talk.say(b"250 ok")
        await talk.hear(b"MAIL")
        await talk.say(b"250 ok")
        await talk.hear_end()

    async with hops(ScriptedServer(stops_in_rcpt), reply_time=PATIENCE) as made:
        connection = await made.pool.acquire()
        await connection.command(b"MAIL FROM:<>")
        await connection.command(b"RSET")
        made.pool.release(connection)
        assert await made.pool.acquire() is connection
        await connection.command(b"MAIL FROM:<>")
        hurry(connection.wire, 0.2)
        with pytest.raises(NextHopError) as caught:
            await connection.command(b"RCPT TO:<a@example.net>")
        assert caught.value.reason == "timeout"
        made.pool.release(connection)


async def test_a_connection_is_used_again() -> None:
    server = ScriptedServer(polite)
    async with hops(server) as made:
        for _ in range(3):
            await deliver(made.pool)
        assert len(server.talks) == 1
        assert made.count("detector_next_hop_connections", state="idle") == 1
        assert made.count("detector_next_hop_connections", state="busy") == 0


async def test_a_connection_within_a_transaction_is_not_used_again() -> None:
    server = ScriptedServer(polite)
    async with hops(server) as made:
        connection = await made.pool.acquire()
        await connection.command(b"MAIL FROM:<ann@example.org>")
        made.pool.release(connection)
        assert not connection.usable
        assert await deliver(made.pool) is not connection


async def test_after_rset_a_connection_is_used_again() -> None:
    server = ScriptedServer(polite)
    async with hops(server) as made:
        connection = await made.pool.acquire()
        await connection.commands([b"MAIL FROM:<ann@example.org>", b"RSET"])
        made.pool.release(connection)
        assert await deliver(made.pool) is connection


@pytest.mark.parametrize("last_words", [b"", b"421 4.4.2 timeout\r\n", b"250 what?\r\n"])
async def test_an_idle_connection_that_the_server_closed_is_not_handed_out(last_words: bytes) -> None:
    tired = asyncio.Event()

    async def tires(talk: Talk) -> None:
        await talk.welcome()
        await tired.wait()
        talk.writer.write(last_words)

    server = ScriptedServer(tires, polite)
    async with hops(server) as made:
        connection = await made.pool.acquire()
        made.pool.release(connection)
        tired.set()
        await connection.wire.ended
        assert made.count("detector_next_hop_connections", state="idle") == 0
        assert await deliver(made.pool) is not connection


async def test_an_idle_connection_ends_with_quit_after_a_while() -> None:
    server = ScriptedServer(polite)
    async with hops(server, keep_time=0.05) as made:
        connection = await deliver(made.pool)
        await connection.wire.ended
        assert server.talks[0].heard[-1] == b"QUIT"
        assert made.count("detector_next_hop_connections", state="idle") == 0


async def test_a_closed_pool_takes_leave_and_hands_out_no_more() -> None:
    server = ScriptedServer(polite)
    async with hops(server) as made:
        busy = await made.pool.acquire()
        await deliver(made.pool)
        await made.pool.close()
        assert server.talks[1].heard[-1] == b"QUIT"
        assert (await busy.command(b"NOOP")).code == 250  # it may finish
        made.pool.release(busy)
        assert not busy.usable
        with pytest.raises(NextHopError):
            await made.pool.acquire()


async def test_a_pool_that_is_replaced_serves_those_who_began_with_it_and_keeps_nothing() -> None:
    server = ScriptedServer(polite)
    async with hops(server) as made:
        await deliver(made.pool)
        await made.pool.retire()
        assert server.talks[0].heard[-1] == b"QUIT"
        late = await made.pool.acquire()
        assert (await late.command(b"NOOP")).code == 250
        made.pool.release(late)
        assert not late.usable
        assert made.count("detector_next_hop_connections", state="idle") == 0


# -- the bound --


async def test_no_more_connections_than_allowed_are_in_use() -> None:
    server = ScriptedServer(polite)
    async with hops(server, connections=2) as made:
        first, second = await made.pool.acquire(), await made.pool.acquire()
        third = asyncio.ensure_future(made.pool.acquire())
        await asyncio.sleep(0)
        assert not third.done()
        made.pool.release(first)
        assert await third is first
        made.pool.release(first)
        made.pool.release(second)
        await asyncio.gather(*(deliver(made.pool) for _ in range(20)))
        assert len(server.talks) == 2


async def test_waiting_for_a_connection_ends_after_the_time_to_connect() -> None:
    async with hops(ScriptedServer(polite), connections=1) as made:
        connection = await made.pool.acquire()
        made.pool._settings = made.settings.model_copy(update={"connect_time": 0.05})
        with pytest.raises(NextHopError) as caught:
            await made.pool.acquire()
        assert caught.value.reason == "timeout"
        made.pool.release(connection)
        await deliver(made.pool)


async def test_a_failed_attempt_gives_its_place_back() -> None:
    server = ScriptedServer(polite)
    await server.start()
    await server.stop()
    made = Hops((server,), connections=1)
    for _ in range(3):
        with pytest.raises(NextHopError) as caught:
            await made.pool.acquire()
        assert caught.value.reason == "connect"
    await made.pool.close()


async def test_a_cancelled_attempt_gives_its_place_back() -> None:
    connected = asyncio.Event()

    async def is_silent(talk: Talk) -> None:
        connected.set()
        await talk.hear_end()

    async with hops(ScriptedServer(is_silent, polite), connections=1) as made:
        attempt = asyncio.ensure_future(made.pool.acquire())
        await connected.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await deliver(made.pool)


async def test_idle_connections_to_another_server_make_room() -> None:
    first, second = ScriptedServer(polite), ScriptedServer(polite)
    async with hops(first, second, connections=1, retry_dead_after=0.01) as made:
        await first.stop()
        to_second = await deliver(made.pool)
        await first.start()
        await eventually(lambda: made.count("detector_next_hop_up", server=str(first.address)) == 1, "it is visited")
        assert (await deliver(made.pool)).server == first.address
        await to_second.wire.ended
        assert made.count("detector_next_hop_connections", state="idle") == 1


# -- several servers --


async def test_the_first_server_is_preferred() -> None:
    first, second = ScriptedServer(polite), ScriptedServer(polite)
    async with hops(first, second) as made:
        await asyncio.gather(*(deliver(made.pool) for _ in range(5)))
        assert not second.talks


async def test_a_dead_server_is_replaced_and_comes_back() -> None:
    first, second = ScriptedServer(polite), ScriptedServer(polite)
    async with hops(first, second, retry_dead_after=0.01) as made:
        await first.stop()
        with capture_logs() as events:
            assert (await deliver(made.pool)).server == second.address
            assert made.count("detector_next_hop_up", server=str(first.address)) == 0
            await first.start()
            await eventually(
                lambda: made.count("detector_next_hop_up", server=str(first.address)) == 1, "it is visited"
            )
            assert (await deliver(made.pool)).server == first.address
        assert [event["event"] for event in events] == ["next_hop_failed", "next_hop_back"]


@pytest.mark.parametrize("greeting", [b"421 not now", b"450 not now", b"554 go away"])
async def test_a_server_that_refuses_us_is_replaced(greeting: bytes) -> None:
    async def refuses(talk: Talk) -> None:
        await talk.say(greeting)
        await talk.hear_end()

    first, second = ScriptedServer(refuses), ScriptedServer(polite)
    async with hops(first, second) as made:
        await deliver(made.pool)
        assert (await deliver(made.pool)).server == second.address
        assert len(first.talks) == 1


async def test_mail_does_not_try_whether_a_dead_server_is_back_while_another_one_lives() -> None:
    silent = Silent()
    first, second = ScriptedServer(is_busy, silent, polite), ScriptedServer(polite)
    async with hops(first, second, retry_dead_after=0.01, connect_time=30.0) as made:
        await deliver(made.pool)
        await silent.called.wait()  # a visit has begun
        connections = [await made.pool.acquire() for _ in range(3)]
        assert {connection.server for connection in connections} == {second.address}
        assert len(first.talks) == 2
        for connection in connections:
            made.pool.release(connection)


class Frozen:
    """Says nothing in answer to MAIL, as one that the system stopped."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def __call__(self, talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"MAIL")
        self.asked.set()
        await talk.hear_end()


async def test_a_server_that_does_not_answer_in_time_is_dead_for_new_mail_and_its_idle_connections_end() -> None:
    first, second = ScriptedServer(Frozen(), polite), ScriptedServer(polite)
    async with hops(first, second, reply_time=PATIENCE, retry_dead_after=3600) as made:
        asked, idle = await made.pool.acquire(), await made.pool.acquire()
        made.pool.release(idle)
        hurry(asked.wire, 0.2)
        with pytest.raises(NextHopError):
            await asked.command(b"MAIL FROM:<>")
        made.pool.release(asked)
        assert not idle.usable
        assert made.count("detector_next_hop_up", server=str(first.address)) == 0
        assert made.count("detector_next_hop_failures_total", reason="timeout") == 1
        assert (await deliver(made.pool)).server == second.address


async def test_a_server_that_only_refuses_more_connections_keeps_those_that_it_has() -> None:
    first = ScriptedServer(polite, is_busy)
    async with hops(first, retry_dead_after=3600) as made:
        kept, asked = await made.pool.acquire(), None
        with pytest.raises(NextHopError):
            asked = await made.pool.acquire()
        assert asked is None
        made.pool.release(kept)
        assert await deliver(made.pool) is kept


async def test_a_server_has_half_of_the_time_to_greet_us_while_another_one_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those who wait for a place do so for all of that time: half of it is left when places are given back."""
    tried: list[tuple[HostPort, float]] = []

    async def connect(address: HostPort, _: str, settings: NextHop, *others: Any) -> Connection:
        tried.append((address, settings.connect_time))
        raise NextHopError("timeout", f"{address}: not ready in time")

    monkeypatch.setattr("detector.relay.pool.connect", connect)
    first, second = ScriptedServer(polite), ScriptedServer(polite)
    async with hops(first, second, connect_time=10.0, retry_dead_after=3600) as made:
        with pytest.raises(NextHopError):
            await made.pool.acquire()
        assert tried == [(first.address, 5.0), (second.address, 10.0)]


async def test_when_all_are_dead_all_are_tried() -> None:
    first, second = ScriptedServer(polite), ScriptedServer(polite)
    async with hops(first, second) as made:
        await first.stop()
        await second.stop()
        with capture_logs() as events:
            for _ in range(3):
                with pytest.raises(NextHopError) as caught:
                    await made.pool.acquire()
                assert str(first.address) in str(caught.value)
                assert str(second.address) in str(caught.value)
        assert len(events) == 2  # not for each attempt
        await second.start()
        assert (await deliver(made.pool)).server == second.address
        await first.start()


# -- dead servers are visited --


class Visited:
    """A script that is polite to one client and tells when it has gone."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def __call__(self, talk: Talk) -> None:
        await talk.serve()
        self.gone.set()


@pytest.mark.parametrize("answer", [is_busy, polite])
async def test_a_server_that_a_reload_has_taken_out_is_shown_no_more_though_mail_waits_for_it(answer: Any) -> None:
    """It is taken out because it is dead, and mail that came before waits for it just then."""
    asked, reloaded = asyncio.Event(), asyncio.Event()

    async def slow(talk: Talk) -> None:
        asked.set()
        await reloaded.wait()
        await answer(talk)

    async with hops(ScriptedServer(slow)) as made:
        waiting = asyncio.get_running_loop().create_task(made.pool.acquire())
        await asked.wait()
        today = Pool(made.settings, "hop.example", made.metrics)
        await made.pool.retire()
        reloaded.set()
        (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
        if isinstance(outcome, Connection):
            made.pool.release(outcome)
        assert made.count("detector_next_hop_up", server=str(made.settings.servers[0])) is None
        await today.close()


async def test_a_dead_server_is_found_to_be_back_though_no_mail_comes() -> None:
    visited = Visited()
    server = ScriptedServer(is_busy, is_busy, is_busy, visited, polite)
    async with hops(server, retry_dead_after=0.01) as made:
        with capture_logs() as events:
            with pytest.raises(NextHopError):
                await made.pool.acquire()
            assert made.count("detector_next_hop_up", server=str(server.address)) == 0
            await visited.gone.wait()
        assert made.count("detector_next_hop_up", server=str(server.address)) == 1
        assert [event["event"] for event in events] == ["next_hop_failed", "next_hop_back"]  # not for each visit
        assert server.talks[3].heard[1:] == [b"QUIT"]
        await deliver(made.pool)
        assert len(server.talks) == 5


async def test_each_dead_server_is_visited() -> None:
    first, second = Visited(), Visited()
    servers = ScriptedServer(is_busy, first), ScriptedServer(is_busy, second)
    async with hops(*servers, retry_dead_after=0.01) as made:
        with pytest.raises(NextHopError):
            await made.pool.acquire()
        await first.gone.wait()
        await second.gone.wait()
        for server in servers:
            assert made.count("detector_next_hop_up", server=str(server.address)) == 1


async def test_nothing_is_told_of_servers_that_a_reload_has_taken_out() -> None:
    server = ScriptedServer(is_busy)
    async with hops(server) as made:
        with pytest.raises(NextHopError):
            await made.pool.acquire()
        assert made.count("detector_next_hop_up", server=str(server.address)) == 0
        Pool(made.settings, "hop.example", made.metrics)
        assert made.count("detector_next_hop_up", server=str(server.address)) is None


async def test_a_visit_takes_no_place_from_mail() -> None:
    silent = Silent()
    first, second = ScriptedServer(is_busy, silent), ScriptedServer(polite)
    async with hops(first, second, connections=1, retry_dead_after=0.01, connect_time=30.0) as made:
        await deliver(made.pool)
        await silent.called.wait()
        assert (await deliver(made.pool)).server == second.address
        assert len(second.talks) == 1  # the kept connection


async def test_a_closed_pool_visits_no_more() -> None:
    silent = Silent()
    server = ScriptedServer(is_busy, silent)
    async with hops(server, retry_dead_after=0.01, connect_time=30.0) as made:
        with pytest.raises(NextHopError):
            await made.pool.acquire()
        await silent.called.wait()
        await made.pool.close()
        await server.talks[1].ended.wait()
        with pytest.raises(NextHopError):
            await made.pool.acquire()
        assert len(server.talks) == 2


# -- what is told --


async def test_capabilities_are_asked_for_once() -> None:
    server = ScriptedServer(polite)
    async with hops(server) as made:
        assert (await made.pool.capabilities()).size == 104857600
        assert (await made.pool.capabilities()).offers("PIPELINING")
        await deliver(made.pool)
        assert len(server.talks) == 1


async def test_a_connection_that_fails_in_use_is_counted() -> None:
    async def cuts(talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"MAIL")
        talk.cut()

    async with hops(ScriptedServer(cuts, polite)) as made:
        connection = await made.pool.acquire()
        with pytest.raises(NextHopError):
            await connection.command(b"MAIL FROM:<>")
        made.pool.release(connection)
        assert made.count("detector_next_hop_failures_total", reason="lost") == 1
        assert made.count("detector_next_hop_up", server=str(made.settings.servers[0])) == 1
        await deliver(made.pool)


async def test_the_time_to_each_reply_is_observed() -> None:
    async with hops(ScriptedServer(polite)) as made:
        await deliver(made.pool)
        for command in ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "BODY"):
            assert made.count("detector_next_hop_seconds_count", command=command) == 1
