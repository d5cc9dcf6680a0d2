"""STARTTLS, XCLIENT and what EHLO offers."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from detector import config
from detector.config import ServerTls
from detector.tls import relay_context
from tests.support.certificates import make_certificate
from tests.support.ports import PATIENCE
from tests.support.relay_house import NOW, house
from tests.support.scripted_server import ScriptedServer, Talk
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import smtp_talk
from tests.support.stores import eventually

Settings = Callable[..., config.Config]
ENVELOPE = 'identity = [{ source = "envelope-sender" }]'


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    certificate = make_certificate(tmp_path, "localhost")
    return certificate.server_context(), ssl.create_default_context(cafile=certificate.path)


async def test_mail_passes_under_tls_and_the_trace_says_so(
    sink: SmtpSink, settings: Settings, tmp_path: Path, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async with house(settings(), tmp_path, sink, contexts[0]) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            assert "STARTTLS" in await talk.ask("EHLO pc.example")
            assert await talk.ask("STARTTLS") == "220 2.0.0 Ready to start TLS"
            await talk.writer.start_tls(contexts[1], server_hostname="localhost")
            assert (await talk.ask("MAIL FROM:<ann@example.org>")).startswith("503 5.5.1")
            assert "STARTTLS" not in await talk.ask("EHLO pc.example")
            assert (await talk.ask("STARTTLS")).startswith("503 5.5.1 TLS is active already")
            await talk.ask("MAIL FROM:<ann@example.org>")
            await talk.ask("RCPT TO:<bob@example.net>")
            await talk.ask("DATA")
            assert await talk.message(b"Subject: secret\r\n\r\n" + b"x" * 300_000) == "250 2.0.0 Ok"
    assert b" with ESMTPS id " in sink.messages[0].content


@pytest.mark.parametrize("shown", [True, False])
async def test_where_a_certificate_is_asked_for_nobody_sends_mail_without(
    sink: SmtpSink, settings: Settings, tmp_path: Path, shown: bool
) -> None:
    hop, submission = make_certificate(tmp_path, "localhost"), make_certificate(tmp_path, "submission.example")
    tls = ServerTls(mode="require", certificate=hop.path, key=hop.key_path, client_ca=submission.path)
    client = ssl.create_default_context(cafile=hop.path)
    if shown:
        client.load_cert_chain(submission.path, submission.key_path)
    async with house(settings(), tmp_path, sink, relay_context(tls)) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO pc.example")
            await talk.ask("STARTTLS")
            heard = ""
            with contextlib.suppress(OSError):  # with TLS 1.3 a client hears of the refusal after its own handshake
                await talk.writer.start_tls(client, server_hostname="localhost")
                heard = await talk.ask("EHLO pc.example")
            assert heard.startswith("250") is shown
        async with smtp_talk(place.port) as other:
            assert (await other.hear()).startswith("220 ")


async def test_what_was_sent_in_clear_behind_starttls_does_not_count(
    sink: SmtpSink, settings: Settings, tmp_path: Path, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async with house(settings(), tmp_path, sink, contexts[0]) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO pc.example")
            talk.writer.write(b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@example.org>\r\n")
            assert await talk.hear() == "220 2.0.0 Ready to start TLS"
            await talk.writer.start_tls(contexts[1], server_hostname="localhost")
            assert (await talk.ask("MAIL FROM:<ann@example.org>")).startswith("503 5.5.1 Send HELO")


async def test_ehlo_offers_only_what_the_next_hop_offers(settings: Settings, tmp_path: Path) -> None:
    with SmtpSink(extensions=("SIZE 1000", "8BITMIME")) as modest:
        async with house(settings(), tmp_path, modest) as place:
            async with smtp_talk(place.port) as talk:
                await talk.hear()
                offer = (await talk.ask("EHLO pc.example")).split("\n")
    assert "250-SIZE 1000" in offer
    assert "250-8BITMIME" in offer
    assert not [line for line in offer if "SMTPUTF8" in line or "DSN" in line]


async def test_xforward_goes_on_to_the_next_hop_and_ends_with_the_transaction(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin(xforward="ADDR=198.51.100.7 IDENT=4abc HELO=a+2Bb NAME=[UNAVAILABLE]")
            await talk.message(b"one")
            await talk.ask("MAIL FROM:<ann@example.org>")
            await talk.ask("RCPT TO:<bob@example.net>")
            await talk.ask("DATA")
            await talk.message(b"two")
    first, second = sink.messages
    assert (first.xforward["ADDR"], first.xforward["IDENT"], first.xforward["HELO"]) == (
        "198.51.100.7",
        "4abc",
        "a+2Bb",
    )
    assert second.xforward == {}


@pytest.mark.parametrize("octets", [b"this is not TLS\r\n", b""])
async def test_a_handshake_that_fails_leaves_nothing_behind(
    sink: SmtpSink, settings: Settings, tmp_path: Path, contexts: tuple[ssl.SSLContext, ssl.SSLContext], octets: bytes
) -> None:
    async with house(settings("relay.limits.connections_per_client = 1"), tmp_path, sink, contexts[0]) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO pc.example")
            assert await talk.ask("STARTTLS") == "220 2.0.0 Ready to start TLS"
            talk.writer.write(octets)
            talk.writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(talk.reader.read(), PATIENCE)
        async with smtp_talk(place.port) as talk:
            assert (await talk.hear()).startswith("220 ")


async def test_tls_does_not_begin_in_the_middle_of_a_transaction(
    sink: SmtpSink, settings: Settings, tmp_path: Path, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async with house(settings(), tmp_path, sink, contexts[0]) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO pc.example")
            await talk.ask("MAIL FROM:<ann@example.org>")
            assert await talk.ask("STARTTLS") == "503 5.5.1 Not during a mail transaction"
            await talk.ask("RSET")
            assert await talk.ask("STARTTLS") == "220 2.0.0 Ready to start TLS"


@pytest.mark.parametrize("command", ["RSET", "EHLO pc.example", "HELO pc.example"])
async def test_what_was_tried_is_counted_though_the_client_goes_before_the_next_hop_has_forgotten_it(
    settings: Settings, tmp_path: Path, command: str
) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def slow_to_forget(talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"MAIL")
        await talk.say(b"250 2.1.0 Ok")
        await talk.hear(b"RCPT")
        await talk.say(b"550 5.1.1 Nobody of that name")
        await talk.hear(b"RSET")
        asked.set()
        await gone.wait()
        await talk.say(b"250 2.0.0 Ok")
        await talk.hear_end()

    async with ScriptedServer(slow_to_forget) as next_hop:
        async with house(settings(ENVELOPE), tmp_path, next_hop.address) as place:
            async with smtp_talk(place.port) as talk:
                await talk.hear()
                await talk.ask("EHLO pc.example")
                await talk.ask("MAIL FROM:<ann@example.org>")
                await talk.ask("RCPT TO:<bob@example.net>")
                talk.writer.write(command.encode() + b"\r\n")
                await asked.wait()
                talk.reset()
                await eventually(lambda: not place.server._sessions, "the session has ended")
            gone.set()
            counted = partial(
                place.metrics.registry.get_sample_value, "detector_recipients_total", {"result": "refused"}
            )
            await eventually(lambda: counted() == 1, "the refusal is counted")
            assert place.profiles.profiles["ann@example.org"].counters.updated_at == NOW
