"""What a client hears from us besides the replies to its commands."""

import asyncio
import gc
import ssl
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from detector import config
from detector.relay import greeter, replies
from tests.support.certificates import make_certificate
from tests.support.ports import PATIENCE
from tests.support.relay_house import House, house
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import SmtpTalk, smtp_talk
from tests.support.stores import eventually

Settings = Callable[..., config.Config]
MORE_THAN_THE_SYSTEM_TAKES = 50_000_000  # octets


async def test_the_greeting_names_us(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings('relay.hostname = "relay.example.net"'), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            assert await talk.hear() == "220 relay.example.net ESMTP"


async def test_the_last_word_is_heard_before_the_connection_ends(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            assert await talk.ask("QUIT") == "221 2.0.0 Bye"
            assert await asyncio.wait_for(talk.reader.read(), PATIENCE) == b""


async def test_errors_of_the_client_are_counted_and_not_those_of_the_next_hop(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings("relay.limits.errors_per_session = 1"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            assert (await talk.ask("NONSENSE")).startswith("500 5.5.1")
            assert await talk.ask("NOOP") == "250 2.0.0 Ok"
            assert (await talk.ask("nonsense")).startswith("500 5.5.1")
            assert (await talk.hear()).startswith("421 4.7.0 Too many errors")


async def collected_by_nobody(place: House, begin: Callable[[SmtpTalk], Awaitable[object]]) -> bool:
    """Whether a connection that has begun so is gone after its end although the garbage collector stands still."""
    gc.collect()
    gc.disable()
    try:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await begin(talk)
            await talk.ask("EHLO pc.example")
            (session,) = map(weakref.ref, place.server._sessions)
            await talk.ask("QUIT")
            assert await asyncio.wait_for(talk.reader.read(), PATIENCE) == b""
        await eventually(lambda: session() is None, "it is gone")
    finally:
        gc.enable()
    return session() is None


async def test_a_connection_that_has_ended_leaves_nothing_to_collect(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        assert await collected_by_nobody(place, lambda talk: talk.ask("NOOP"))


async def test_neither_does_one_under_tls_with_its_large_buffers(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    certificate = make_certificate(tmp_path, "localhost")

    async def under_tls(talk: SmtpTalk) -> None:
        await talk.ask("STARTTLS")
        client = ssl.create_default_context(cafile=certificate.path)
        await talk.writer.start_tls(client, server_hostname="localhost")

    async with house(settings(), tmp_path, sink, certificate.server_context()) as place:
        assert await collected_by_nobody(place, under_tls)


async def test_a_stop_during_a_handshake_forgets_the_connection_at_once(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    context = make_certificate(tmp_path, "localhost").server_context()
    async with house(settings("relay.limits.stop_time = 600.0"), tmp_path, sink, context) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("STARTTLS")
            await asyncio.wait_for(place.server.stop(), 45)  # sooner than a handshake is given up
            await eventually(lambda: not place.server._sessions, "it is forgotten")
            assert not place.server._sessions


async def test_who_does_not_read_the_last_word_is_not_waited_for_for_ever(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greeter, "LINGER", 0.0)
    async with house(settings("relay.limits.stop_time = 600.0"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            talk.reader._transport.pause_reading()  # type: ignore[attr-defined]
            (session,) = place.server._sessions
            session.stream.write(bytes(MORE_THAN_THE_SYSTEM_TAKES))
            session.hang_up(replies.BYE)
            assert session.stream.get_write_buffer_size() > 0
            await eventually(lambda: not place.server._sessions, "the connection is given up")
    assert session.stream.get_write_buffer_size() == 0
