"""A next hop that is dead, slow, rude or mad: the client hears 4xx or its words, never a 250 that is not true."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.support.detector_process import DetectorProcess
from tests.support.open_files import open_sockets
from tests.support.ports import PATIENCE, free_port, wait_for
from tests.support.scripted_server import HOST, Script, ScriptedServer, Talk, polite
from tests.support.smtp_talk import SmtpTalk, smtp_talk

pytestmark = pytest.mark.e2e

TIME = 0.5
"""Seconds that the next hop has for a connection and for a reply: soon over where it is silent."""
RECIPIENTS = ("bob@example.net", "eve@example.net", "kim@example.net")
SMALL = b"Subject: hello\r\n\r\nhello"
LARGE = SMALL + b"\r\n" + b"a line of a large message, which fills all buffers on its way\r\n" * 200_000
NO_ANSWER = "451 4.4.1"


class Hop:
    """The detector, and the port on which its next hop comes and goes."""

    def __init__(self, detector: DetectorProcess, port: int) -> None:
        self.detector = detector
        self.port = port
        self.sockets = open_sockets(detector.process_id)  # those that listen

    @asynccontextmanager
    async def before(self, *scripts: Script) -> AsyncIterator[SmtpTalk]:
        """A client of the detector, whose next hop plays these scripts; afterwards nothing is left open."""
        async with ScriptedServer(*scripts, host=HOST, port=self.port), smtp_talk(self.detector.port) as client:
            yield client
        await self.nothing_is_left()

    async def nothing_is_left(self) -> None:
        def idle() -> bool:
            figures = self.detector.metrics()
            busy = figures['detector_next_hop_connections{state="busy"}']
            return busy == 0 and open_sockets(self.detector.process_id) <= self.sockets

        await asyncio.to_thread(wait_for, idle, "every connection has ended")


@contextmanager
def running(directory: Path, time: float) -> Iterator[Hop]:
    port = free_port()
    settings = {
        "identity": [{"source": "envelope-sender"}],
        # A visit to the dead server would play the script that a test wrote for its mail.
        "next_hop": {"connect_time": time, "reply_time": time, "retry_dead_after": 3600.0, "connections": 2},
    }
    with DetectorProcess(directory, port, settings) as detector:
        yield Hop(detector, port)
        assert not detector.events("internal_error")
        assert "Traceback" not in detector.log()
        detector.stop()


@pytest.fixture(scope="module")
def of_little_time(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hop]:
    """One for all tests here: what a fault leaves behind would be seen by the next one."""
    with running(tmp_path_factory.mktemp("hop"), TIME) as hop:
        yield hop


@pytest.fixture(scope="module")
def of_much_time(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hop]:
    """For those where the next hop has something to say: on a busy machine it may take its time."""
    with running(tmp_path_factory.mktemp("patient"), PATIENCE) as hop:
        yield hop


@pytest.fixture
async def hop(of_little_time: Hop) -> AsyncIterator[Hop]:
    """Whatever the test does to it: mail passes again, without a restart."""
    yield of_little_time
    async with asyncio.timeout(PATIENCE):
        while not await passes(of_little_time):
            pass  # on a busy machine even a polite server may be too slow for it


@pytest.fixture
async def patient(of_much_time: Hop) -> AsyncIterator[Hop]:
    """Whatever the test does to it: the next message passes, without a restart."""
    yield of_much_time
    assert await passes(of_much_time)


async def passes(hop: Hop) -> bool:
    async with hop.before(polite) as client:
        return await send(client) == ["250 2.0.0 Ok: queued"]


async def send(client: SmtpTalk, message: bytes = SMALL, recipients: tuple[str, ...] = RECIPIENTS) -> list[str]:
    """The refusals of one transaction and its last reply."""
    await client.hear()
    await client.ask("EHLO pc.example")
    return await transaction(client, message, recipients)


async def transaction(client: SmtpTalk, message: bytes, recipients: tuple[str, ...]) -> list[str]:
    said = [await client.ask("MAIL FROM:<ann@example.org>")]
    if said[0].startswith("250"):
        said += [await client.ask(f"RCPT TO:<{one}>") for one in recipients]
        said.append(await client.ask("DATA"))
    refused = [reply for reply in said if reply[0] in "45"]
    if said[-1].startswith("354"):
        refused.append(await client.message(message))
    return refused


# -- dead and slow --


async def test_a_next_hop_that_does_not_listen_is_told_as_try_again_later(hop: Hop) -> None:
    async with smtp_talk(hop.detector.port) as client:
        assert (await send(client))[0].startswith(NO_ANSWER)
        assert (await transaction(client, SMALL, RECIPIENTS))[0].startswith(NO_ANSWER)
    await hop.nothing_is_left()


async def never_greets(talk: Talk) -> None:
    await talk.hear_end()


async def never_answers_ehlo(talk: Talk) -> None:
    await talk.say(b"220 next.example ESMTP")
    await talk.hear_end()


async def never_answers_mail(talk: Talk) -> None:
    await talk.welcome()
    await talk.hear_end()


async def never_answers_rcpt(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"RCPT")
    await talk.hear_end()


async def never_answers_data(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.hear_end()


async def never_answers_the_end(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.say(b"354 Go on")
    await talk.hear_end()


async def reads_nothing_of_the_message(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.say(b"354 Go on")
    await talk.ended.wait()


async def stalls_within_its_last_reply(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.say(b"354 Go on")
    await talk.hear_message()
    await talk.say_in_pieces(b"250-2.0.0 Ok\r\n250 2.0")
    await talk.hear_end()


# -- gone --


async def closes_instead_of_greeting(talk: Talk) -> None:
    talk.cut()


async def resets_at_mail(talk: Talk) -> None:
    await talk.welcome()
    await talk.hear(b"MAIL")
    talk.cut()


async def resets_at_rcpt(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"RCPT")
    talk.cut()


async def resets_at_data(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    talk.cut()


async def resets_before_the_message(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.say(b"354 Go on")
    talk.cut()


async def resets_within_the_message(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.say(b"354 Go on")
    await talk.reader.readexactly(40)
    talk.cut()


async def resets_after_the_message(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.say(b"354 Go on")
    await talk.hear_message()
    talk.cut()


async def closes_within_its_last_reply(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.say(b"354 Go on")
    await talk.hear_message()
    talk.writer.write(b"250 2.0.0 Ok")  # without the line end: it may be the beginning of anything
    await talk.writer.drain()


# -- mad --


def says_after_the_message(octets: bytes) -> Script:
    async def script(talk: Talk) -> None:
        await talk.welcome()
        await until(talk, b"DATA")
        await talk.say(b"354 Go on")
        await talk.hear_message()
        talk.writer.write(octets)
        await talk.hear_end()

    script.__name__ = f"says {octets[:20]!r} after the message"
    return script


def greets(octets: bytes) -> Script:
    async def script(talk: Talk) -> None:
        talk.writer.write(octets)
        await talk.hear_end()

    script.__name__ = f"greets with {octets[:20]!r}"
    return script


async def answers_data_with_250(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.say(b"250 2.0.0 Ok: queued")
    await talk.hear_end()


async def answers_rcpt_with_354(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"RCPT")
    await talk.say(b"354 Go on")
    await talk.hear_end()


async def accepts_before_the_end(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.say(b"354 Go on", b"250 2.0.0 Ok: queued")
    await talk.hear_end()


async def accepts_within_the_message(talk: Talk) -> None:
    await talk.welcome()
    await until(talk, b"DATA")
    await talk.say(b"354 Go on")
    await talk.reader.readexactly(40)
    await talk.say(b"250 2.0.0 Ok: queued")
    await talk.ended.wait()


async def answers_one_command_too_many(talk: Talk) -> None:
    """Whoever counts wrongly takes the second reply to RCPT for that to DATA, and so on."""
    await talk.welcome()
    await talk.hear(b"MAIL")
    await talk.say(b"250 2.1.0 Ok")
    await talk.hear(b"RCPT")
    await talk.say(b"250 2.1.5 Ok", b"354 Go on", b"250 2.0.0 Ok: queued")
    await talk.hear_end()


async def until(talk: Talk, verb: bytes) -> None:
    """Accept every command before that one."""
    while not (await talk.hear()).startswith(verb):
        await talk.say(b"250 2.0.0 Ok")


SILENT = (
    never_greets,
    never_answers_ehlo,
    never_answers_mail,
    never_answers_rcpt,
    never_answers_data,
    never_answers_the_end,
    stalls_within_its_last_reply,
)
GONE = (
    closes_instead_of_greeting,
    resets_at_mail,
    resets_at_rcpt,
    resets_at_data,
    resets_before_the_message,
    resets_within_the_message,
    resets_after_the_message,
    closes_within_its_last_reply,
)
MAD = (
    greets(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    greets(b"\x16\x03\x01\x02\x00\x01"),
    greets(b"220 " + b"x" * 100_000),
    greets(b"999 what is this\r\n"),
    answers_data_with_250,
    answers_rcpt_with_354,
    accepts_before_the_end,
    answers_one_command_too_many,
    says_after_the_message(b"nonsense\r\n"),
    says_after_the_message(b"25\r\n"),
    says_after_the_message(b"2500 Ok\r\n"),
    says_after_the_message(b"250-Ok\r\n550 no\r\n"),
    says_after_the_message(b"250\xff\xfe\r\n"),
    says_after_the_message(b"\x00" * 70_000),
    says_after_the_message(b"350 more\r\n"),
    says_after_the_message(b"150 wait\r\n"),
)


@pytest.mark.parametrize("script", [*SILENT, *GONE, *MAD], ids=lambda script: script.__name__)
async def test_nothing_is_accepted_that_the_next_hop_has_not_accepted(hop: Hop, script: Script) -> None:
    async with hop.before(script) as client:
        replies = await send(client)
        assert all(reply.startswith("4") for reply in replies)
        assert replies


@pytest.mark.parametrize(
    "script", [reads_nothing_of_the_message, resets_within_the_message, accepts_within_the_message]
)
async def test_nor_when_it_breaks_within_a_large_message(hop: Hop, script: Script) -> None:
    async with hop.before(script) as client:
        assert (await send(client, LARGE))[-1].startswith(NO_ANSWER)


async def test_a_client_whose_next_hop_broke_may_go_on_and_reaches_the_next_one(patient: Hop) -> None:
    async with patient.before(resets_after_the_message, polite) as client:
        assert (await send(client))[-1].startswith(NO_ANSWER)
        assert await transaction(client, SMALL, RECIPIENTS) == ["250 2.0.0 Ok: queued"]


async def test_more_clients_than_connections_and_all_are_answered(hop: Hop) -> None:
    """Each takes one for as long as the next hop may be silent; who waits longer than that hears it, too."""
    async with ScriptedServer(never_answers_mail, host=HOST, port=hop.port):

        async def one() -> list[str]:
            async with smtp_talk(hop.detector.port) as client:
                return await send(client)

        answers = await asyncio.gather(*(one() for _ in range(8)))
    assert all(replies[0].startswith(NO_ANSWER) for replies in answers)
    await hop.nothing_is_left()


# -- its own words --


async def test_some_recipients_are_refused_in_its_words_and_the_others_get_the_message(patient: Hop) -> None:
    async def partly(talk: Talk) -> None:
        await talk.welcome(b"PIPELINING")
        await talk.hear(b"MAIL")
        await talk.say(b"250 2.1.0 Ok")
        for answer in (b"550-5.1.1 No such user\r\n550 5.1.1 really", b"250 2.1.5 Ok", b"452 4.2.2 Mailbox full"):
            await talk.hear(b"RCPT")
            await talk.say(answer)
        await talk.accept()

    async with patient.before(partly) as client:
        assert await send(client) == [
            "550-5.1.1 No such user\n550 5.1.1 really",
            "452 4.2.2 Mailbox full",
            "250 2.0.0 Ok: queued",
        ]


@pytest.mark.parametrize("words", [b"554 5.7.1 We do not like it", b"452 4.3.1 Full", b"421 4.3.2 Going down"])
async def test_what_it_says_after_the_message_is_what_the_client_hears(patient: Hop, words: bytes) -> None:
    async with patient.before(says_after_the_message(words + b"\r\n")) as client:
        assert await send(client) == [words.decode()]


async def test_a_refusal_within_a_large_message_is_heard(patient: Hop) -> None:
    async def refuses(talk: Talk) -> None:
        await talk.welcome()
        await until(talk, b"DATA")
        await talk.say(b"354 Go on")
        await talk.reader.readexactly(40)
        await talk.say(b"552 5.3.4 Too large for us")
        await talk.hear_end()

    async with patient.before(refuses) as client:
        assert await send(client, LARGE) == ["552 5.3.4 Too large for us"]


async def test_a_slow_next_hop_that_goes_on_has_all_the_time(patient: Hop) -> None:
    """Octet by octet, each line within its time: together they may take longer."""

    async def slow(talk: Talk) -> None:
        await talk.say_in_pieces(b"220 next.example ESMTP\r\n")
        await talk.introduce()
        while (line := await talk.hear()) != b"DATA":
            await talk.say_in_pieces(b"250 2.0.0 " + line[:4] + b" heard\r\n")
        await talk.say_in_pieces(b"354 Go on\r\n")
        await talk.hear_message()
        await talk.say_in_pieces(b"250 2.0.0 Ok: at last\r\n")
        await talk.hear_end()

    async with patient.before(slow) as client:
        assert await send(client) == ["250 2.0.0 Ok: at last"]
