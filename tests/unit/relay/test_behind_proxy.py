"""Real connections that begin with a PROXY header, or should have."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from detector import config, log
from detector.listeners import Listeners
from detector.mail.proxy_protocol import V2_BEGIN
from detector.metrics import Metrics
from detector.relay import behind_proxy
from detector.relay.policy_service import PolicyService
from tests.support.certificates import make_certificate
from tests.support.ports import PATIENCE
from tests.support.relay_house import DictJoin, House, house
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import SmtpTalk, smtp_talk

Settings = Callable[..., config.Config]
NETWORKS = """
relay.clients = ["192.0.2.0/24"]
relay.xforward_clients = ["192.0.2.7"]
policy_service.clients = ["192.0.2.7"]
"""
BEHIND = 'relay.proxy_clients = ["127.0.0.1"]' + NETWORKS
HEADER = b"PROXY TCP4 192.0.2.7 198.51.100.1 40123 25\r\n"
OTHER = HEADER.replace(b"192.0.2.7", b"192.0.2.8")
LOCAL = V2_BEGIN + b"\x20\x00\x00\x00"


@asynccontextmanager
async def through(place: House, header: bytes) -> AsyncIterator[SmtpTalk]:
    async with smtp_talk(place.port) as talk:
        talk.writer.write(header)
        yield talk


def refused(place: House, reason: str) -> float:
    return place.metrics.registry.get_sample_value("detector_connections_refused_total", {"reason": reason}) or 0.0


async def test_who_is_named_is_the_client_in_every_respect(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings(BEHIND), tmp_path, sink) as place:
        async with through(place, HEADER) as talk:
            await talk.hear()
            assert "XFORWARD" in await talk.ask("EHLO pc.example")
            await talk.ask("MAIL FROM:<ann@example.org>")
            await talk.ask("RCPT TO:<bob@example.net>")
            await talk.ask("DATA")
            await talk.message(b"Subject: x\r\n\r\nx\r\n")
        [message] = sink.wait_for_messages(1)
    assert b"Received: from pc.example (192.0.2.7)" in message.content or b"[192.0.2.7]" in message.content


async def test_each_named_client_has_its_own_limit(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings(BEHIND, "relay.limits.connections_per_client = 1"), tmp_path, sink) as place:
        async with through(place, HEADER) as first:
            assert (await first.hear()).startswith("220 ")
            async with through(place, HEADER) as again, through(place, OTHER) as other:
                assert (await again.hear()).startswith("421 4.7.0 Too many connections from this host")
                assert (await other.hear()).startswith("220 ")


async def test_a_named_client_outside_the_networks_is_turned_away(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(BEHIND), tmp_path, sink) as place:
        async with through(place, b"PROXY TCP4 203.0.113.9 198.51.100.1 1 25\r\n") as talk:
            assert (await talk.hear()).startswith("554 5.7.1")
        assert refused(place, "not_allowed") == 1


@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"])
async def test_a_proxy_that_speaks_for_nobody_is_a_client_like_others(
    sink: SmtpSink, settings: Settings, tmp_path: Path, header: bytes
) -> None:
    async with house(settings(BEHIND), tmp_path, sink) as place, through(place, header) as talk:
        assert (await talk.hear()).startswith("554 5.7.1")
    too = BEHIND.replace('"192.0.2.0/24"', '"192.0.2.0/24", "127.0.0.1"')
    async with house(settings(too), tmp_path, sink) as place, through(place, header) as talk:
        assert (await talk.hear()).startswith("220 ")


async def test_nothing_is_said_before_the_header_is_complete(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(BEHIND), tmp_path, sink) as place, smtp_talk(place.port) as talk:
        for octet in HEADER[:-1]:
            talk.writer.write(bytes((octet,)))
            await talk.writer.drain()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(talk.reader.read(1), 0.05)
        talk.writer.write(HEADER[-1:] + b"EHLO pc.example\r\n")
        assert (await talk.hear()).startswith("220 ")
        assert (await talk.hear()).startswith("250-")


@pytest.mark.parametrize(
    "octets", [b"EHLO pc.example\r\n", V2_BEGIN + b"\x33\x11\x00\x0c", HEADER.replace(b" 25", b"")]
)
async def test_a_proxy_that_says_anything_else_hears_nothing_is_counted_and_told_once(
    sink: SmtpSink, settings: Settings, tmp_path: Path, octets: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("json", "warning")
    async with house(settings(BEHIND), tmp_path, sink) as place:
        for _ in range(3):
            async with through(place, octets) as talk:
                assert await gone(talk)
        assert refused(place, "proxy_header") == 3
    assert capsys.readouterr().err.count('"connection_refused"') == 1


async def test_a_header_that_does_not_come_in_time_ends_the_connection(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind_proxy, "HEADER_TIME", 0.05)
    async with house(settings(BEHIND), tmp_path, sink) as place:
        async with through(place, HEADER[:10]) as talk:
            assert await gone(talk)
        assert refused(place, "proxy_header") == 1


async def test_the_number_of_awaited_headers_is_bounded(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind_proxy, "WAITING_LIMIT", 1)
    async with house(settings(BEHIND), tmp_path, sink) as place:
        async with through(place, HEADER[:10]) as first, through(place, HEADER) as second:
            assert await gone(second)
            first.writer.write(HEADER[10:])
            assert (await first.hear()).startswith("220 ")


async def test_a_look_whether_the_port_is_open_is_no_fault(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings(BEHIND), tmp_path, sink) as place:
        async with smtp_talk(place.port):
            pass
        async with through(place, HEADER) as talk:  # by now the one before is over
            await talk.hear()
        assert refused(place, "proxy_header") == 0


async def test_who_is_no_proxy_cannot_name_another(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    other = 'relay.proxy_clients = ["192.0.2.99"]'
    async with house(settings(other), tmp_path, sink) as place, through(place, HEADER) as talk:
        assert (await talk.hear()).startswith("220 ")
        assert (await talk.hear()).startswith("500 5.5.1")
        assert refused(place, "proxy_header") == 0


async def test_the_end_of_the_server_does_not_wait_for_a_header(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(BEHIND), tmp_path, sink) as place:
        async with through(place, HEADER[:10]) as talk:
            await asyncio.sleep(0)
            await place.server.stop()
            assert await gone(talk)


async def test_tls_begins_behind_a_header_as_without(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    tls = certificate.server_context()
    async with house(settings(BEHIND), tmp_path, sink, tls) as place, through(place, HEADER) as talk:
        await talk.hear()
        assert "STARTTLS" in await talk.ask("EHLO pc.example")
        assert (await talk.ask("STARTTLS")).startswith("220 ")
        await talk.writer.start_tls(ssl.create_default_context(cafile=certificate.path), server_hostname="localhost")
        assert "XFORWARD" in await talk.ask("EHLO pc.example")


async def test_a_client_has_one_address_however_the_balancer_writes_it(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    mapped = b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 40123 25\r\n"
    async with house(settings(BEHIND + "relay.limits.connections_per_client = 1"), tmp_path, sink) as place:
        async with through(place, HEADER) as first:
            assert (await first.hear()).startswith("220 ")
            async with through(place, mapped) as second:
                assert (await second.hear()).startswith("421 4.7.0 Too many connections from this host")


async def test_the_policy_service_learns_the_login_for_the_host_that_the_proxy_names() -> None:
    join, metrics = DictJoin(), Metrics("test")
    listen = (config.HostPort(host="127.0.0.1", port=0),)
    own = config.parse('policy_service.proxy_clients = ["127.0.0.1"]' + NETWORKS)
    service = PolicyService(own.policy_service.model_copy(update={"listen": listen}), join, metrics, lambda: 0.0)
    await service.start(Listeners())
    reader, writer = await asyncio.open_connection(*service.addresses[0])
    writer.write(HEADER + b"request=smtpd_access_policy\nqueue_id=1A\nsasl_username=ann@example.org\n\n")
    assert await reader.readuntil(b"\n\n") == b"action=DUNNO\n\n"
    writer.close()
    await service.stop()
    assert set(join.logins) == {("192.0.2.7", "1A")}


async def gone(talk: SmtpTalk) -> bool:
    """Whether the server ends the connection without a word."""
    try:
        return await asyncio.wait_for(talk.reader.read(), PATIENCE) == b""
    except ConnectionResetError:
        return True
