import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from detector.config import ClientTls, HostPort, NextHop
from detector.relay.dial import connect
from detector.relay.next_hop import Connection, NextHopError
from detector.tls import client_context
from tests.support.certificates import Certificate, make_certificate
from tests.support.hurry import hurry
from tests.support.ports import PATIENCE
from tests.support.scripted_server import Script, ScriptedServer, Talk, polite

Mode = Literal["off", "may", "require", "verify"]


async def dial(
    server: HostPort, mode: Mode = "may", ca_file: Path | None = None, connect_time: float = PATIENCE
) -> Connection:
    settings = NextHop(tls=ClientTls(mode=mode, ca_file=ca_file), connect_time=connect_time)
    return await connect(server, "hop.example", settings, client_context(settings.tls))


async def refusal(*scripts: Script, mode: Mode = "may", connect_time: float = PATIENCE) -> NextHopError:
    async with ScriptedServer(*scripts) as server:
        with pytest.raises(NextHopError) as caught:
            await dial(server.address, mode, connect_time=connect_time)
        await asyncio.gather(*(talk.ended.wait() for talk in server.talks))
    assert str(server.address) in str(caught.value)
    return caught.value


def under_tls(connection: Connection) -> bool:
    return connection.wire._transport.get_extra_info("ssl_object") is not None


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path, "localhost")


def speaks_tls(certificate: Certificate) -> Script:
    async def script(talk: Talk) -> None:
        await talk.welcome(b"STARTTLS", b"SIZE 1")
        await talk.start_tls(certificate.server_context())
        await talk.introduce(b"SIZE 2", b"PIPELINING")
        await talk.accept()

    return script


# -- greeting and EHLO --


async def test_the_next_hop_tells_what_it_offers() -> None:
    async with ScriptedServer(polite) as server:
        connection = await dial(server.address)
        assert connection.capabilities.keywords == {"PIPELINING": "", "SIZE": "104857600"}
        assert server.talks[0].heard == [b"EHLO hop.example"]
        await connection.quit()


async def test_a_server_that_does_not_know_ehlo_is_greeted_with_helo() -> None:
    async def old(talk: Talk) -> None:
        await talk.say(b"220 old.example")
        await talk.hear(b"EHLO")
        await talk.say(b"502 what?")
        await talk.hear(b"HELO hop.example")
        await talk.say(b"250 old.example")
        await talk.accept()

    async with ScriptedServer(old) as server:
        connection = await dial(server.address)
        assert connection.capabilities.keywords == {}
        await connection.quit()


@pytest.mark.parametrize("greeting", [b"421 4.3.2 not now", b"450 not now", b"554 5.7.1 go away"])
async def test_a_refusing_greeting_is_an_error(greeting: bytes) -> None:
    async def refuses(talk: Talk) -> None:
        await talk.say(greeting)
        await talk.hear_end()

    error = await refusal(refuses)
    assert error.reason == "connect"
    assert greeting.decode() in str(error)


@pytest.mark.parametrize("replies", [(b"421 bye",), (b"450 later",), (b"500 what?", b"500 what?")])
async def test_a_refused_ehlo_is_an_error(replies: tuple[bytes, ...]) -> None:
    async def refuses(talk: Talk) -> None:
        await talk.say(b"220 next.example")
        for reply in replies:
            await talk.hear()
            await talk.say(reply)
        await talk.hear_end()

    assert (await refusal(refuses)).reason == "connect"


async def test_a_server_that_is_no_smtp_server_is_an_error() -> None:
    async def speaks_http(talk: Talk) -> None:
        await talk.say(b"HTTP/1.1 400 Bad Request", b"")
        await talk.hear_end()

    assert (await refusal(speaks_http)).reason == "protocol"


async def test_a_server_that_closes_instead_of_greeting_is_an_error() -> None:
    async def closes(talk: Talk) -> None:
        talk.cut()

    assert (await refusal(closes)).reason == "lost"


async def test_a_server_that_never_greets_is_an_error() -> None:
    async def is_silent(talk: Talk) -> None:
        await talk.hear_end()

    assert (await refusal(is_silent, connect_time=0.05)).reason == "timeout"


async def test_a_server_that_does_not_listen_is_an_error() -> None:
    async with ScriptedServer(polite) as server:
        pass
    with pytest.raises(NextHopError) as caught:
        await dial(server.address)
    assert caught.value.reason == "connect"


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 64])
async def test_a_name_that_leads_nowhere_is_an_error(host: str) -> None:
    with pytest.raises(NextHopError) as caught:
        await dial(HostPort(host=host, port=25))
    assert caught.value.reason == "connect"


# -- STARTTLS --


@pytest.mark.parametrize("mode", ["may", "require"])
async def test_tls_is_used_without_looking_at_the_name(mode: Mode, tmp_path: Path) -> None:
    async with ScriptedServer(speaks_tls(make_certificate(tmp_path, "other.example"))) as server:
        connection = await dial(server.address, mode)
        assert under_tls(connection)
        assert connection.capabilities.keywords == {"SIZE": "2", "PIPELINING": ""}
        assert (await connection.command(b"NOOP")).code == 250
        await connection.quit()


async def test_a_message_passes_under_tls(certificate: Certificate) -> None:
    message = (b"x" * 998 + b"\r\n") * 5_000
    async with ScriptedServer(speaks_tls(certificate)) as server:
        connection = await dial(server.address, "require")
        await connection.commands([b"MAIL FROM:<>", b"RCPT TO:<a@example.net>", b"DATA"])
        assert (await connection.body([message, b".\r\n"])).code == 250
        assert server.talks[0].message == message
        await connection.quit()


async def test_a_reader_that_stops_is_not_flooded_under_tls_either(certificate: Certificate) -> None:
    stop = asyncio.Event()
    given = 0

    async def stops(talk: Talk) -> None:
        await talk.welcome(b"STARTTLS")
        await talk.start_tls(certificate.server_context())
        await talk.introduce()
        await stop.wait()

    def endless() -> Iterator[bytes]:
        nonlocal given
        while True:
            given += 65_536
            yield b"x" * 65_536

    async with ScriptedServer(stops) as server:
        connection = await dial(server.address)
        hurry(connection.wire, 0.5)
        with pytest.raises(NextHopError) as caught:
            await connection.body(endless())
        stop.set()
    assert caught.value.reason == "timeout"
    assert given < 32_000_000


async def test_without_tls_it_is_not_even_asked_for() -> None:
    async def offers(talk: Talk) -> None:
        await talk.welcome(b"STARTTLS")
        await talk.accept()

    async with ScriptedServer(offers) as server:
        connection = await dial(server.address, "off")
        assert not under_tls(connection)
        assert len(server.talks[0].heard) == 1
        await connection.quit()


async def test_a_certificate_for_the_right_name_is_verified(certificate: Certificate) -> None:
    async with ScriptedServer(speaks_tls(certificate), host="localhost") as server:
        connection = await dial(server.address, "verify", certificate.path)
        assert under_tls(connection)
        await connection.quit()


async def test_a_certificate_for_an_address_is_verified(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "127.0.0.1")
    async with ScriptedServer(speaks_tls(certificate)) as server:
        connection = await dial(server.address, "verify", certificate.path)
        assert under_tls(connection)
        await connection.quit()


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "other.example")
    async with ScriptedServer(speaks_tls(certificate), host="localhost") as server:
        with pytest.raises(NextHopError) as caught:
            await dial(server.address, "verify", certificate.path)
    assert caught.value.reason == "tls"
    assert "localhost" in str(caught.value)
    assert len(server.talks) == 1


async def test_a_certificate_of_an_unknown_authority_is_refused(certificate: Certificate) -> None:
    async with ScriptedServer(speaks_tls(certificate), host="localhost") as server:
        with pytest.raises(NextHopError) as caught:
            await dial(server.address, "verify")
    assert caught.value.reason == "tls"


@pytest.mark.parametrize("mode", ["require", "verify"])
async def test_where_tls_is_required_a_server_without_it_is_an_error(mode: Mode) -> None:
    assert (await refusal(polite, mode=mode)).reason == "tls"


async def refuses_starttls(talk: Talk) -> None:
    await talk.welcome(b"STARTTLS")
    await talk.hear(b"STARTTLS")
    await talk.say(b"454 4.7.0 not now")
    await talk.accept()


async def test_where_tls_is_required_its_refusal_is_an_error() -> None:
    error = await refusal(refuses_starttls, mode="require")
    assert error.reason == "tls"
    assert "454 4.7.0 not now" in str(error)


async def test_where_tls_is_welcome_its_refusal_is_no_obstacle() -> None:
    async with ScriptedServer(refuses_starttls) as server:
        connection = await dial(server.address)
        assert (await connection.command(b"NOOP")).code == 250
        assert not under_tls(connection)
        await connection.quit()


async def breaks_the_handshake(talk: Talk) -> None:
    await talk.welcome(b"STARTTLS")
    await talk.hear(b"STARTTLS")
    await talk.say(b"220 go ahead")
    await talk.reader.read(1)
    talk.writer.write(b"this is not TLS at all\r\n")
    await talk.hear_end()


async def stalls_the_handshake(talk: Talk) -> None:
    await talk.welcome(b"STARTTLS")
    await talk.hear(b"STARTTLS")
    await talk.say(b"220 go ahead")
    await talk.hear_end()


@pytest.mark.parametrize(("broken", "connect_time"), [(breaks_the_handshake, PATIENCE), (stalls_the_handshake, 3.0)])
async def test_where_tls_is_welcome_a_failed_handshake_leads_to_a_second_attempt_in_clear(
    broken: Script, connect_time: float
) -> None:
    async with ScriptedServer(broken, polite) as server:
        connection = await dial(server.address, connect_time=connect_time)
        assert not under_tls(connection)
        assert len(server.talks) == 2
        await connection.quit()


async def test_where_tls_is_required_a_failed_handshake_is_an_error() -> None:
    assert (await refusal(breaks_the_handshake, polite, mode="require")).reason == "tls"


@pytest.mark.parametrize("mode", ["may", "require"])
@pytest.mark.parametrize("injected", [b"250 injected\r\n", b"250-inj"])
async def test_octets_injected_before_the_handshake_are_refused(
    injected: bytes, mode: Mode, certificate: Certificate
) -> None:
    async def injects(talk: Talk) -> None:
        await talk.welcome(b"STARTTLS")
        await talk.hear(b"STARTTLS")
        talk.writer.write(b"220 go ahead\r\n" + injected)
        await talk.hear_end()

    assert (await refusal(injects, mode=mode)).reason == "protocol"
