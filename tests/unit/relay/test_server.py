"""Who may connect, how many, how long, and an orderly end."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from detector import config, log
from tests.support.ports import HOST
from tests.support.relay_house import house
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import smtp_talk

Settings = Callable[..., config.Config]


async def test_the_number_of_connections_is_bounded(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings("relay.limits.connections = 1"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as first:
            await first.hear()
            async with smtp_talk(place.port) as second:
                assert await second.hear() == "421 4.7.0 Too many connections, try again later"
                assert await second.hear() == ""
            assert await first.ask("NOOP") == "250 2.0.0 Ok"


async def test_one_client_cannot_take_all_connections(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings("relay.limits.connections_per_client = 1"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as first:
            await first.hear()
            async with smtp_talk(place.port) as second:
                assert await second.hear() == "421 4.7.0 Too many connections from this host, try again later"
        async with smtp_talk(place.port) as third:
            assert (await third.hear()).startswith("220 ")


async def test_all_of_a_crowd_that_may_not_stay_are_told_while_another_client_comes_in(
    sink: SmtpSink, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("json", "warning")
    async with house(settings("relay.limits.connections_per_client = 2"), tmp_path, sink) as place:
        crowd = [await asyncio.open_connection(HOST, place.port, local_addr=("127.0.0.2", 0)) for _ in range(40)]
        async with smtp_talk(place.port) as other:
            assert (await other.hear()).startswith("220 ")
        heard = Counter([(await reader.readline())[:4] for reader, _ in crowd])
        assert heard == {b"220 ": 2, b"421 ": 38}
        for _, writer in crowd:
            writer.close()
        refused = {"reason": "limit_per_client"}
        assert place.metrics.registry.get_sample_value("detector_connections_refused_total", refused) == 38
    assert capsys.readouterr().err.count('"connection_refused"') == 1  # the others are counted


async def test_a_silent_client_is_told_and_sent_away(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings("relay.limits.idle_time = 0.1"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            assert await talk.hear() == "421 4.4.2 Timeout, closing the connection"


async def test_half_a_command_does_not_keep_a_session(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings("relay.limits.command_time = 0.1"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            talk.writer.write(b"NOO")
            assert await talk.hear() == "421 4.4.2 Timeout, closing the connection"


async def test_half_a_message_does_not_keep_a_session_and_is_not_delivered(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings("relay.limits.data_time = 0.1"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin()
            talk.writer.write(b"half a mess")
            assert await talk.hear() == "421 4.4.2 Timeout, closing the connection"
    assert sink.messages == []


async def test_stopping_lets_a_running_transaction_end_and_sends_the_others_away(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as busy, smtp_talk(place.port) as idle:
            await idle.hear()
            await busy.begin()
            stop = asyncio.ensure_future(place.server.stop())
            assert await idle.hear() == "421 4.3.2 Service is shutting down, try again later"
            assert await busy.message(b"Subject: in time") == "250 2.0.0 Ok"
            assert await busy.hear() == "421 4.3.2 Service is shutting down, try again later"
            await stop
    assert len(sink.messages) == 1


async def test_stopping_does_not_wait_for_ever(
    sink: SmtpSink, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("json", "warning")
    async with house(settings("relay.limits.stop_time = 0.1"), tmp_path, sink) as place:
        async with smtp_talk(place.port) as busy:
            await busy.begin()
            await place.server.stop()
            assert await busy.hear() == "421 4.3.2 Service is shutting down, try again later"
    assert sink.messages == []
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["sessions"]) for line in told] == [("stop_time_over", 1)]
