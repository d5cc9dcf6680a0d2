"""Commands that a client sends together (RFC 2920) go on together, and their answers do not tell."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import settings as amount
from hypothesis import strategies as st

from detector import config
from tests.support.relay_house import house
from tests.support.scripted_server import ScriptedServer, Talk
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import SmtpTalk, smtp_talk

Settings = Callable[..., config.Config]
How = Callable[[SmtpTalk, list[str]], Awaitable[list[str]]]

ANN, BOB, KIM = "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@b.example>", "rcpt to:<kim@k.example>"
NOBODY, NOT_YOU, NO_ADDRESS = "RCPT TO:<nobody@b.example>", "MAIL FROM:<refused@example.org>", "RCPT TO:"
NARROW = """\
observe = false
next_hop.tls.mode = "off"
judging.window_start = 3
judging.window_least = 1
relay.limits.recipients_per_transaction = 6
[[identity]]
source = "envelope-sender"
"""


async def together(talk: SmtpTalk, commands: list[str]) -> list[str]:
    talk.writer.write("".join(command + "\r\n" for command in commands).encode())
    return [await talk.hear() for _ in commands]


async def one_by_one(talk: SmtpTalk, commands: list[str]) -> list[str]:
    return [await talk.ask(command) for command in commands]


async def answers(how: How, commands: list[str]) -> tuple[list[str], dict[str, int]]:
    """What is answered, and what is left of it in the windows of the accounts."""
    with SmtpSink() as sink, TemporaryDirectory() as folder:
        sink.answer("MAIL", "refused", "550 5.7.1 Not you")
        sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
        async with house(config.parse(NARROW), Path(folder), sink) as place, smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO pc.example")
            said = await how(talk, commands)
            return said, {name: one.window.in_flight for name, one in place.profiles.profiles.items()}


@amount(max_examples=15, deadline=None)
@example([ANN, *[BOB] * 8])
@example([NOT_YOU, BOB, KIM, ANN, BOB])
@example([ANN, BOB, NO_ADDRESS, KIM, "RSET", KIM, ANN, NOBODY, "NOOP", BOB])
@given(st.lists(st.sampled_from([ANN, BOB, KIM, NOBODY, NOT_YOU, NO_ADDRESS, "RSET", "NOOP"]), max_size=12))
def test_what_comes_together_is_answered_as_if_it_had_come_one_by_one(commands: list[str]) -> None:
    (at_once, left), (in_turn, also_left) = (
        asyncio.run(answers(how, [*commands, "RSET"])) for how in (together, one_by_one)
    )
    assert at_once == in_turn
    assert {name: count for name, count in left.items() if count} == {name: n for name, n in also_left.items() if n}


async def test_a_group_goes_on_as_a_group(settings: Settings, tmp_path: Path) -> None:
    async def listen(talk: Talk) -> None:
        await talk.welcome(b"PIPELINING")
        for verb in (b"MAIL FROM:<ann@example.org>", b"RCPT TO:<bob@b.example>", b"rcpt to:<kim@k.example>"):
            await talk.hear(verb[:4].upper())  # nothing is said yet: who waits for the answers would wait for ever
        await talk.say(b"250 2.1.0 Sender", b"250 2.1.5 Bob", b"550 5.1.1 Kim")
        await talk.accept()

    async with ScriptedServer(listen) as next_hop, house(settings(), tmp_path, next_hop.address) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO pc.example")
            said = await together(talk, [ANN, BOB, KIM])
    assert said == ["250 2.1.0 Sender", "250 2.1.5 Bob", "550 5.1.1 Kim"]


@pytest.mark.parametrize("heard", [1, 3])
async def test_a_group_on_a_connection_that_died_unseen_is_said_again(
    settings: Settings, tmp_path: Path, heard: int
) -> None:
    async def once(talk: Talk) -> None:
        await talk.welcome(b"PIPELINING")
        for _ in range(heard):
            await talk.hear()
        await talk.say(*[b"250 2.1.0 Ok"] * (heard - 1))
        talk.cut()

    async def always(talk: Talk) -> None:
        await talk.welcome(b"PIPELINING")
        await talk.hear(b"MAIL")
        await talk.hear(b"RCPT TO:<bob@b.example>")
        await talk.hear(b"RCPT")
        await talk.say(b"250 2.1.0 Second try", b"250 2.1.5 Bob", b"250 2.1.5 Kim")
        await talk.accept()

    async with ScriptedServer(once, always) as next_hop, house(settings(), tmp_path, next_hop.address) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO pc.example")
            said = await together(talk, [ANN, BOB, KIM])
    assert said == ["250 2.1.0 Second try", "250 2.1.5 Bob", "250 2.1.5 Kim"]


async def test_a_recipient_of_a_refused_sender_was_refused_by_nobody(settings: Settings, tmp_path: Path) -> None:
    """503 to RCPT after a refused MAIL says nothing about the recipient, and must not count against the account."""
    with SmtpSink() as sink:
        sink.answer("MAIL", "ann", "550 5.7.1 Not you")
        sink.answer("RCPT", "", "550 5.5.1 MAIL first")
        async with house(config.parse(NARROW), tmp_path, sink) as place, smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO pc.example")
            said = await together(talk, [ANN, BOB, KIM, "RSET"])
            refused = place.metrics.registry.get_sample_value("detector_recipients_total", {"result": "refused"})
    assert [one[:3] for one in said] == ["550", "503", "503", "250"]
    assert not refused
