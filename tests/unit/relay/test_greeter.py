"""What a client hears from us besides the replies to its commands."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from detector import config
from tests.support.relay_house import house
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import smtp_talk

Settings = Callable[..., config.Config]


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
            assert await asyncio.wait_for(talk.reader.read(), 10) == b""


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
