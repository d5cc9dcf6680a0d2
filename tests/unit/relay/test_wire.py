"""The wire: large messages, slow ones, rude clients, and any octets at all."""

import asyncio
import hashlib
import resource
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from detector import config
from detector.relay import wire
from tests.support.ports import PATIENCE
from tests.support.relay_house import house
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import smtp_talk
from tests.support.stores import eventually

Settings = Callable[..., config.Config]
VERBS = ["EHLO x", "HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "RSET", "NOOP", "STARTTLS", "XFORWARD ADDR=1"]
CHUNKS = st.one_of(
    st.sampled_from([verb.encode() + b"\r\n" for verb in VERBS]), st.just(b"\r\n.\r\n"), st.binary(max_size=80)
)


async def test_a_message_beyond_its_share_of_memory_arrives_unchanged(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    message = b"Subject: big\r\n\r\n" + b"".join(b"%09d\r\n" % i for i in range(700_000))
    async with house(settings("relay.limits.message_memory_bytes = 524288"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin()
            assert await talk.message(message[:-2]) == "250 2.0.0 Ok"
    body = sink.messages[0].body
    assert hashlib.sha256(body).digest() == hashlib.sha256(message.partition(b"\r\n\r\n")[2]).digest()


async def test_other_sessions_are_answered_while_a_large_message_comes_in(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings("relay.limits.message_memory_bytes = 524288"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as large, smtp_talk(place.port) as small:
            await large.begin()
            large.writer.write((b"x" * 998 + b"\r\n") * 2000)
            await small.begin()
            assert await small.message(b"Subject: small\r\n\r\nhello") == "250 2.0.0 Ok"
            assert await large.message(b"the end") == "250 2.0.0 Ok"
    assert len(sink.messages) == 2


async def test_a_full_disk_means_try_again_later(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # writes beyond it fail with EFBIG
    try:
        async with house(settings("relay.limits.message_memory_bytes = 524288"), tmp_path, sink) as place:
            async with smtp_talk(place.port) as talk:
                await talk.begin()
                answer = await talk.message((b"x" * 998 + b"\r\n") * 3000)
                after = await talk.ask("NOOP")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (answer[:9], after) == ("452 4.3.1", "250 2.0.0 Ok")
    assert sink.messages == []


async def test_so_does_a_disk_that_does_not_answer(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = threading.Event()
    monkeypatch.setattr("detector.relay.body.DISK_TIME", 0.05)
    monkeypatch.setattr("detector.relay.body._write_all", lambda *_: disk.wait(PATIENCE))
    try:
        async with house(settings("relay.limits.message_memory_bytes = 524288"), tmp_path, sink) as place:
            async with smtp_talk(place.port) as talk:
                await talk.begin()
                answer = await talk.message((b"x" * 998 + b"\r\n") * 3000)
                after = await talk.ask("NOOP")
    finally:
        disk.set()
    assert (answer[:9], after) == ("452 4.3.1", "250 2.0.0 Ok")
    assert sink.messages == []


async def test_lines_longer_than_any_rfc_pass(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    line = b"y" * 200_000
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin()
            assert await talk.message(b"Subject: long\r\n\r\n" + line) == "250 2.0.0 Ok"
    assert sink.messages[0].body == line + b"\r\n"


async def test_nul_8_bit_headers_and_broken_mime_pass_unchanged(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    message = b"Subject: \xe4\xff\x00\r\nContent-Type: multipart/mixed; boundary=\r\n\r\n--\x00\r\n\xfe"
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin()
            await talk.message(message)
    assert sink.messages[0].content.endswith(b"\r\n" + message + b"\r\n")


async def test_a_client_that_never_reads_is_cut_off(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings("relay.limits.recipients_per_transaction = 100000"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            for _ in range(60_000):
                talk.writer.write(b"VRFY x\r\n")
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(_write_until_cut(talk.writer), PATIENCE)


async def test_commands_in_one_burst_are_answered_in_their_order_and_the_message_between_them_arrives(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    noops = b"NOOP\r\n" * 300
    burst = (
        b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhello\r\n.\r\n" + noops + b"QUIT\r\n"
    )
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            talk.writer.write(burst)
            heard = (await asyncio.wait_for(talk.reader.read(), PATIENCE)).split(b"\r\n")
    assert [line[:4] for line in heard if line[3:4] == b" "][-303:] == [b"354 ", *[b"250 "] * 301, b"221 "]
    assert [message.body for message in sink.messages] == [b"hello\r\n"]


@pytest.mark.parametrize("storm_of", [(b"NOOP\r\n", 110), (b"\x00\xff\r\n", 11)])
async def test_a_client_that_leads_up_to_no_message_is_answered_now_and_then_and_others_at_once(
    sink: SmtpSink,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    storm_of: tuple[bytes, int],
) -> None:
    command, answered = storm_of
    monkeypatch.setattr(wire, "REST", 3600.0)
    few = settings("relay.limits.recipients_per_transaction = 5", "relay.limits.stop_time = 0.01")
    async with house(few, tmp_path, sink) as place:
        async with smtp_talk(place.port) as storm, smtp_talk(place.port) as other:
            await storm.hear()
            storm.writer.write(command * 500)
            for _ in range(answered):
                await storm.hear()
            more = asyncio.get_running_loop().create_task(storm.hear())
            await other.begin()
            for _ in range(50):  # messages, and more commands together than anybody may need for one
                assert await other.message(b"Subject: hello\r\n\r\nhello") == "250 2.0.0 Ok"
                for line in ("MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"):
                    await other.ask(line)
            assert not more.done()
            more.cancel()
            await asyncio.gather(more, return_exceptions=True)


async def test_commands_behind_one_that_takes_its_time_wait_without_filling_memory(
    settings: Settings, tmp_path: Path
) -> None:
    gone = asyncio.Event()

    async def never_greets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    silent = await asyncio.start_server(never_greets, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    many = settings("relay.limits.recipients_per_transaction = 100000000")
    async with silent, house(many, tmp_path, config.HostPort(host="127.0.0.1", port=port)) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("HELO x")
            talk.writer.write(b"MAIL FROM:<a@b.example>\r\n")
            with pytest.raises(TimeoutError):  # the sockets' buffers are full, and ours is not read into
                await asyncio.wait_for(_write_much(talk.writer), 1.0)
            gone.set()


async def _write_much(writer: asyncio.StreamWriter) -> None:
    for _ in range(1000):
        writer.write(b"NOOP\r\n" * 10_000)
        await writer.drain()


async def _write_until_cut(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"VRFY x\r\n" * 1000)
        await writer.drain()


@pytest.mark.parametrize("beginning", ["", "half a mess"])
async def test_a_message_that_its_client_will_never_end_is_not_waited_for(
    sink: SmtpSink, settings: Settings, tmp_path: Path, beginning: str
) -> None:
    """Nor does it keep a connection to the next hop until it is too late for a message."""
    commands = ("EHLO pc.example", "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.net>", "DATA", beginning)
    async with house(settings(), tmp_path, sink) as place, smtp_talk(place.port) as talk:
        talk.writer.write("\r\n".join(commands).encode())
        talk.writer.write_eof()
        heard = await _all_that_is_heard(talk.reader)
        assert heard.endswith(b"354 End data with <CR><LF>.<CR><LF>\r\n")
        await eventually(lambda: not place.route.pool._busy, "the next hop is free")
    assert sink.messages == []


@given(st.lists(CHUNKS, max_size=30), st.booleans())
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_octets_get_a_reply_or_a_closed_connection(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], byte_by_byte: bool
) -> None:
    faults = asyncio.run(_throw(chunks, byte_by_byte, tmp_path_factory.getbasetemp()))
    assert faults == []


async def _throw(chunks: list[bytes], byte_by_byte: bool, spool: Path) -> list[str]:
    faults: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(str(context)))
    quiet = config.parse('observe = false\nnext_hop.tls.mode = "off"\nrelay.limits.stop_time = 5')
    with SmtpSink() as sink:
        async with house(quiet, spool, sink) as place:
            async with smtp_talk(place.port) as talk:
                for chunk in chunks:
                    for octets in [bytes([octet]) for octet in chunk] if byte_by_byte else [chunk]:
                        talk.writer.write(octets)
                talk.writer.write_eof()
                heard = await _all_that_is_heard(talk.reader)
            broken = place.metrics.broken_judgements._value.get()
    if broken or any(line[:1] not in b"245" for line in heard.split(b"\r\n") if line):
        faults.append(heard.decode("utf-8", "replace"))
    return faults


async def _all_that_is_heard(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionResetError:  # closed, with octets of ours still unread
        return b""
