"""What passes between client and next hop when the next hop is slow, short-tempered, or gone."""

from collections.abc import Callable
from pathlib import Path

from detector import config
from tests.support.relay_house import house
from tests.support.scripted_server import ScriptedServer, Talk
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import SmtpTalk, smtp_talk

Settings = Callable[..., config.Config]


async def _again(talk: SmtpTalk, recipient: str = "bob@example.net") -> list[str]:
    return [
        await talk.ask("MAIL FROM:<ann@example.org>"),
        await talk.ask(f"RCPT TO:<{recipient}>"),
        await talk.ask("DATA"),
    ]


async def test_the_next_hop_refuses_data_and_the_connection_is_kept(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("DATA", "", "452 4.3.1 Out of space", times=1)
    async with house(settings("next_hop.connections = 1"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin()
            assert await talk.message(b"one") == "452 4.3.1 Out of space"
            assert (await _again(talk))[-1][:3] == "354"
            assert await talk.message(b"two") == "250 2.0.0 Ok"
    assert [message.content[-5:] for message in sink.messages] == [b"two\r\n"]


async def test_a_sender_that_the_next_hop_refuses_gets_its_words(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("MAIL", "ann", "553-5.1.8 Not known here\n553 5.1.8 Ask the postmaster", times=1)
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO pc.example")
            answer = await talk.ask("MAIL FROM:<ann@example.org>")
            assert answer == "553-5.1.8 Not known here\n553 5.1.8 Ask the postmaster"
            assert (await _again(talk))[-1][:3] == "354"


async def test_a_kept_connection_that_died_unseen_is_replaced(settings: Settings, tmp_path: Path) -> None:
    async def once(talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"MAIL")
        talk.cut()

    async def always(talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"MAIL")
        await talk.say(b"250 2.1.0 Second try")

    async with ScriptedServer(once, always) as next_hop:
        fake = _As(next_hop.address.port)
        async with house(settings(), tmp_path, fake) as place:  # type: ignore[arg-type]
            async with smtp_talk(place.port) as talk:
                await talk.hear()
                await talk.ask("HELO pc.example")
                assert await talk.ask("MAIL FROM:<ann@example.org>") == "250 2.1.0 Second try"


async def test_the_next_hop_says_421_and_the_client_hears_it(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("RCPT", "bob", "421 4.3.2 Going down", times=1)
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO pc.example")
            assert (await _again(talk))[1:] == ["421 4.3.2 Going down"] * 2
            await talk.ask("RSET")
            assert (await _again(talk))[-1][:3] == "354"


class _As:
    """Another server in place of the sink."""

    def __init__(self, port: int) -> None:
        self.port = port
