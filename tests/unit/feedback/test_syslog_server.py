"""Syslog is received over UDP, TCP and TLS, from those who may send it."""

import asyncio
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from detector.config.values import LOOPBACK
from detector.feedback import syslog_server
from detector.feedback.source import Batch
from detector.feedback.syslog_server import Listening, SyslogSource, tls_context
from tests.support.certificates import make_certificate
from tests.support.ports import HOST

MESSAGE = b"<22>Mar  5 10:00:00 mx1 postfix/smtp[4711]: 4AB1: removed"
LINE = MESSAGE.removeprefix(b"<22>")


@asynccontextmanager
async def listening(datagrams: bool = False, tls: ssl.SSLContext | None = None) -> AsyncIterator[SyslogSource]:
    source = SyslogSource(Listening(HOST, 0, LOOPBACK, datagrams, tls))
    await source.start()
    try:
        yield source
    finally:
        await source.close()


async def received(source: SyslogSource, count: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < count:
        found += (await source.read()).lines
    return found


def send_datagrams(port: int, *messages: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        for message in messages:
            channel.sendto(message, (HOST, port))


async def send_stream(port: int, octets: bytes, tls: ssl.SSLContext | None = None) -> None:
    _, writer = await asyncio.open_connection(HOST, port, ssl=tls)
    writer.write(octets)
    await writer.drain()
    writer.close()


async def test_datagrams_are_lines() -> None:
    async with listening(datagrams=True) as source:
        send_datagrams(source.port, MESSAGE, b"no syslog", MESSAGE)
        assert await received(source, 2) == [LINE, LINE]


async def test_a_stream_brings_lines_in_both_framings() -> None:
    async with listening() as source:
        await send_stream(source.port, b"%d %s" % (len(MESSAGE), MESSAGE) + MESSAGE + b"\n")
        assert await received(source, 2) == [LINE, LINE]


async def test_logger_of_util_linux_is_understood() -> None:
    """A sender that we did not write, in each of its forms."""
    program = shutil.which("logger")
    if program is None:
        pytest.skip("no logger(1) here: install Debian's bsdutils")
    async with listening() as stream, listening(datagrams=True) as datagrams:
        for source, form in (
            (stream, ("--tcp", "--octet-count", "--rfc5424")),
            (stream, ("--tcp", "--rfc3164")),
            (datagrams, ("--udp", "--rfc5424")),
            (datagrams, ("--udp", "--rfc3164")),
        ):
            told = (*form, "--server", HOST, "--port", str(source.port), "--tag", "postfix/smtp", "--id=7")
            process = await asyncio.create_subprocess_exec(program, *told, "4AB1: removed")
            assert await process.wait() == 0
            (line,) = await received(source, 1)
            assert line.endswith(b" postfix/smtp[7]: 4AB1: removed")


async def test_a_stream_may_be_encrypted_and_ask_for_a_certificate(tmp_path: Path) -> None:
    server, sender = make_certificate(tmp_path, HOST), make_certificate(tmp_path, "mx1.example")
    trusting = ssl.create_default_context(cafile=server.path)
    tls = tls_context(str(server.path), str(server.key_path), str(sender.path))
    async with listening(tls=tls) as source:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(HOST, source.port, ssl=ssl.create_default_context())
        trusting.load_cert_chain(sender.path, sender.key_path)
        await send_stream(source.port, MESSAGE + b"\n", trusting)
        assert await received(source, 1) == [LINE]


def test_a_certificate_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        tls_context(str(tmp_path / "missing"), str(tmp_path / "missing"))


async def test_hosts_that_may_not_send_are_refused() -> None:
    source = SyslogSource(Listening(HOST, 0, (IPv4Network("192.0.2.0/24"),)))
    await source.start()
    reader, writer = await asyncio.open_connection(HOST, source.port)
    assert await reader.read() == b""
    writer.close()
    source.receive(MESSAGE, "198.51.100.1")
    source.receive(MESSAGE, "::ffff:192.0.2.1")
    batch = await source.read()
    assert (batch.lines, batch.problems) == ([LINE], ("refused", "refused"))
    await source.close()


async def test_what_comes_faster_than_it_is_read_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog_server, "MOST_LINES", 3)
    source = SyslogSource(Listening(HOST, 0, LOOPBACK, datagrams=True))
    for _ in range(5):
        source.receive(MESSAGE, HOST)
    batch = await source.read()
    assert (batch.lines, batch.problems) == ([LINE] * 3, ("dropped",) * 2)


async def test_a_stream_waits_while_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog_server, "MOST_LINES", 3)
    async with listening() as source:
        await send_stream(source.port, (MESSAGE + b"\n") * 50)
        assert await received(source, 50) == [LINE] * 50


async def test_a_stream_that_cannot_be_told_apart_is_closed() -> None:
    async with listening() as source:
        reader, writer = await asyncio.open_connection(HOST, source.port)
        writer.write(MESSAGE + b"\n99999999 ")
        assert await reader.read() == b""
        writer.close()
        assert await source.read() == Batch([LINE], "", ("broken",))


async def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog_server, "MOST_CONNECTIONS", 1)
    async with listening() as source:
        _, first = await asyncio.open_connection(HOST, source.port)
        first.write(MESSAGE + b"\n")
        assert await received(source, 1) == [LINE]
        reader, second = await asyncio.open_connection(HOST, source.port)
        assert await reader.read() == b""
        first.close()
        second.close()
