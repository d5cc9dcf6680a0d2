"""Clients that take all they can get: limits answer them, memory is bounded, and others are served meanwhile."""

import asyncio
import resource
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.support.detector_process import DetectorProcess, Settings, merged
from tests.support.open_files import address_space_bytes, open_files, resident_bytes
from tests.support.ports import HOST, PATIENCE, wait_for
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import SmtpTalk, smtp_talk

pytestmark = pytest.mark.e2e

MIB = 2**20
CLIENTS = 60
SETTINGS: Settings = {
    "identity": [{"source": "envelope-sender"}],
    "relay": {
        "limits": {
            "connections": CLIENTS,
            "connections_per_client": CLIENTS,
            "recipients_per_transaction": 50,
            "message_size_bytes": 4 * MIB,
            "commands_per_session": 170,
        }
    },
}
IMPATIENT: Settings = {"idle_time": 6.0, "command_time": 3.0, "data_time": 3.0}
"""For those who take their time. All clients of a test come within it, also on a slow machine."""
MORE_MEMORY = 150 * MIB
"""What all abuse here together may take: a hundred times that goes through."""


@pytest.fixture(scope="module")
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        yield running


@contextmanager
def abused(directory: Path, sink: SmtpSink, settings: Settings) -> Iterator[DetectorProcess]:
    with DetectorProcess(directory, sink.port, settings) as running:
        before = resident_bytes(running.process_id)
        yield running
        assert resident_bytes(running.process_id) < before + MORE_MEMORY
        assert not running.events("internal_error")
        running.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sink: SmtpSink) -> Iterator[DetectorProcess]:
    """One for all: what one test wears out, the next one misses."""
    with abused(tmp_path_factory.mktemp("abused"), sink, SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def impatient_server(tmp_path_factory: pytest.TempPathFactory, sink: SmtpSink) -> Iterator[DetectorProcess]:
    settings = merged(SETTINGS, {"relay": {"limits": IMPATIENT}})
    with abused(tmp_path_factory.mktemp("impatient"), sink, settings) as running:
        yield running


@pytest.fixture
async def detector(server: DetectorProcess) -> AsyncIterator[DetectorProcess]:
    yield server
    await bears_it(server)


@pytest.fixture
async def impatient(impatient_server: DetectorProcess) -> AsyncIterator[DetectorProcess]:
    yield impatient_server
    await bears_it(impatient_server)


async def bears_it(server: DetectorProcess) -> None:
    """Afterwards everybody is gone, and mail passes."""
    await asyncio.to_thread(wait_for, lambda: connected(server) == 0, "everybody is gone")
    assert await mail_passes(server)


def connected(detector: DetectorProcess) -> float:
    return detector.metrics()["detector_client_connections"]


async def mail_passes(detector: DetectorProcess) -> bool:
    async with smtp_talk(detector.port) as talk:
        await talk.begin()
        return (await talk.message(b"Subject: hello\r\n\r\nhello")).startswith("250 ")


@asynccontextmanager
async def crowd(detector: DetectorProcess, number: int) -> AsyncIterator[list[SmtpTalk]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(smtp_talk(detector.port)) for _ in range(number)]


async def replies(octets: bytes, port: int, pause: int = 65_536) -> Counter[str]:
    """Say it all without waiting, and count the replies, by their first nine octets, until the connection ends."""
    reader, writer = await asyncio.open_connection(HOST, port)
    heard = Counter[str]()

    async def listen() -> None:
        while line := await reader.readline():
            heard[line[:9].decode("ascii", "replace")] += 1

    listening = asyncio.get_running_loop().create_task(listen())
    try:
        for start in range(0, len(octets), pause):
            writer.write(octets[start : start + pause])
            await writer.drain()
        await listening
    except ConnectionError:
        await asyncio.gather(listening, return_exceptions=True)  # what came before it was cut off counts
    finally:
        writer.close()
    return heard


async def test_idle_clients_are_sent_away_with_a_reason_and_more_than_may_come_are_told(
    impatient: DetectorProcess,
) -> None:
    async with crowd(impatient, CLIENTS) as talks:
        assert {(await talk.hear())[:4] for talk in talks} == {"220 "}
        async with smtp_talk(impatient.port) as another:
            assert (await another.hear()).startswith("421 4.7.0 Too many connections")
        assert {(await talk.hear())[:9] for talk in talks} == {"421 4.4.2"}


async def test_half_commands_and_half_messages_keep_nobody_elses_place(impatient: DetectorProcess) -> None:
    async with crowd(impatient, 20) as talks:
        for number, talk in enumerate(talks):
            if number % 2:
                await talk.begin()
                talk.writer.write(b"Subject: half\r\n\r\nand then no")
            else:
                await talk.hear()
                talk.writer.write(b"EHLO pc.exa")
        assert await mail_passes(impatient)
        assert {(await talk.hear())[:9] for talk in talks} == {"421 4.4.2"}


async def test_octet_after_octet_is_no_more_time(impatient: DetectorProcess) -> None:
    """The whole command must come in its time, and the whole message; a sign of life is not enough."""

    async def drip(talk: SmtpTalk, octets: bytes) -> str:
        heard = asyncio.get_running_loop().create_task(talk.hear())
        while not heard.done():
            talk.writer.write(octets)
            await asyncio.wait([heard], timeout=0.05)
        return await heard

    async with crowd(impatient, 2) as (slow_command, slow_message):
        await slow_command.hear()
        await slow_message.begin()
        drips = drip(slow_command, b"N"), drip(slow_message, b"x\r\n")
        assert {reply[:9] for reply in await asyncio.gather(*drips)} == {"421 4.4.2"}


@pytest.mark.parametrize("command", [b"NOOP\r\n", b"RSET\r\n", b"VRFY x\r\n", b"EHLO pc.example\r\n"])
async def test_a_storm_of_harmless_commands_ends_at_the_limit(detector: DetectorProcess, command: bytes) -> None:
    heard = await replies(command * 20_000, detector.port)
    assert heard["421 4.7.0"] <= 1  # what it never read may reset the connection before the client has read that
    assert max(heard.values()) <= 170 * 8  # EHLO is answered with several lines


async def test_a_flood_of_nonsense_ends_at_the_limit_of_errors(detector: DetectorProcess) -> None:
    heard = await replies(b"\x00\xff nonsense\r\n" * 20_000, detector.port)
    assert heard["421 4.7.0"] <= 1
    assert heard["500 5.5.1"] <= 21


async def test_a_line_without_an_end_ends_the_session(detector: DetectorProcess) -> None:
    heard = await replies(b"x" * 20 * MIB, detector.port)
    assert heard["500 5.5.2"] <= 1
    assert heard.total() <= 2


async def test_more_recipients_than_may_be_are_deferred(detector: DetectorProcess, sink: SmtpSink) -> None:
    sink.clear()
    recipients = b"".join(b"RCPT TO:<r%d@example.net>\r\n" % number for number in range(120))
    octets = b"EHLO pc.example\r\nMAIL FROM:<ann@example.org>\r\n" + recipients + b"RSET\r\nQUIT\r\n"
    heard = await replies(octets, detector.port)
    assert heard["250 2.0.0"] + heard["450 4.7.1"] <= 60  # what is paced counts as well
    assert heard["452 4.5.3"] >= 60
    assert heard["221 2.0.0"] == 1


async def test_messages_beyond_the_limit_are_read_to_their_end_and_kept_nowhere(
    detector: DetectorProcess, sink: SmtpSink
) -> None:
    sink.clear()
    head = b"EHLO pc.example\r\nMAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n"
    large = head + (b"x" * 998 + b"\r\n") * 40_000 + b".\r\nQUIT\r\n"
    heard = await asyncio.gather(*(replies(large, detector.port) for _ in range(5)))
    assert all(one["552 5.3.4"] == 1 and one["221 2.0.0"] == 1 for one in heard)
    declared = b"EHLO pc.example\r\nMAIL FROM:<ann@example.org> SIZE=1000000000\r\nQUIT\r\n"
    assert (await replies(declared, detector.port))["552 5.3.4"] == 1
    assert sink.messages == []


async def test_clients_that_read_nothing_are_cut_off(detector: DetectorProcess) -> None:
    """Replies that nobody reads would fill memory."""
    deaf = [socket.create_connection((HOST, detector.port)) for _ in range(10)]
    loop = asyncio.get_running_loop()
    for one in deaf:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.setblocking(False)

    async def shout(one: socket.socket) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    await loop.sock_sendall(one, b"EHLO pc.example\r\n" * 1_000)
        except ConnectionError:
            return

    await asyncio.gather(*(shout(one) for one in deaf))
    for one in deaf:
        one.close()


async def test_when_descriptors_run_out_clients_hear_why_and_it_is_over_when_others_leave(
    sink: SmtpSink, tmp_path: Path
) -> None:
    with DetectorProcess(tmp_path, sink.port, {"identity": [{"source": "envelope-sender"}]}) as detector:
        assert await mail_passes(detector)
        most = (open_files(detector.process_id) + 10) * 5 // 4
        resource.prlimit(detector.process_id, resource.RLIMIT_NOFILE, (most, most))
        async with crowd(detector, 40) as talks:
            heard = Counter([(await talk.hear())[:9] for talk in talks])
            assert heard["421 4.7.0"] >= 25
            assert heard.keys() == {"421 4.7.0", "220 hop.e"}
            first = talks[0]  # who is served, is served to the end
            await first.ask("EHLO pc.example")
            for command in ("MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.net>", "DATA"):
                assert (await first.ask(command))[0] in "23"
            assert (await first.message(b"Subject: hello\r\n\r\nhello")).startswith("250 ")
        await asyncio.to_thread(wait_for, lambda: connected(detector) == 0, "everybody is gone")
        assert await mail_passes(detector)
        assert detector.metrics()['detector_connections_refused_total{reason="descriptors"}'] == heard["421 4.7.0"]
        detector.stop()


async def test_when_memory_runs_out_a_message_is_deferred_and_the_next_one_passes(
    sink: SmtpSink, tmp_path: Path
) -> None:
    settings: Settings = {
        "identity": [{"source": "envelope-sender"}],
        "relay": {"limits": {"message_memory_bytes": 64 * MIB}},
    }
    with DetectorProcess(tmp_path, sink.port, settings) as detector:
        assert await mail_passes(detector)
        limit = address_space_bytes(detector.process_id) + 48 * MIB
        resource.prlimit(detector.process_id, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        async with crowd(detector, 4) as talks:
            for talk in talks:
                assert (await talk.begin()).startswith("354 ")
            said = await asyncio.gather(*(swallow(talk) for talk in talks))
        assert all(reply[:1] in {"", "2", "4"} for reply in said)
        assert any(reply[:1] in {"", "4"} for reply in said)
        assert await mail_passes(detector)
        accepted = sum(reply.startswith("250 ") for reply in said)
        assert len([message for message in sink.messages if len(message.content) > MIB]) == accepted


async def swallow(talk: SmtpTalk) -> str:
    """The answer to a message of 50 MB; empty when the connection was cut."""
    try:
        return await talk.message(b"Subject: large\r\n\r\n" + (b"x" * 998 + b"\r\n") * 50_000)
    except ConnectionError:
        return ""
