"""The main path as the clients see it: blasts, retries, parts, blocks, and faults of our own."""

import asyncio
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from detector import config
from detector.ports import PolicyRequest
from detector.verdict.verdict import Verdict
from tests.support.relay_house import House, house
from tests.support.scripted_server import ScriptedServer, Talk
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import smtp_talk

Settings = Callable[..., config.Config]
ANN = "ann@example.org"
DAY = 86_400.0


async def _send(place: House, queue_id: str, recipients: list[str], client: str = "198.51.100.7") -> list[str]:
    """One message over one connection, as a submission server sends it; all replies from MAIL on."""
    await place.join.remember(PolicyRequest("loopback", queue_id, "", "", ANN, ANN), 0.0)
    async with smtp_talk(place.port) as talk:
        await talk.hear()
        await talk.ask("EHLO mta.example")
        await talk.ask(f"XFORWARD ADDR={client} IDENT={queue_id}")
        replies = [await talk.ask(f"MAIL FROM:<{ANN}>")]
        if replies[0].startswith("250"):
            replies += [await talk.ask(f"RCPT TO:<{recipient}>") for recipient in recipients]
            replies.append(await talk.ask("DATA"))
        if replies[-1].startswith("354"):
            replies[-1] = await talk.message(b"Subject: x\r\n\r\nhello")
        await talk.ask("RSET")
        await talk.ask("QUIT")
    return replies


def _value(verdict: Verdict, signal: str) -> float:
    return next(e.value for group in verdict.groups for e in group.evidence if e.signal == signal)


async def _blast(place: House, sink: SmtpSink, messages: int = 60) -> int:
    """From another network than usual, every fourth recipient does not exist; how many the next hop took."""
    await _send(place, "Q", ["friend@example.net"], client="192.0.2.1")
    place.now[0] += 2 * DAY
    sink.clear()
    for number in range(messages):
        who = "nobody" if number % 4 == 0 else "someone"
        await _send(place, f"Q{number}", [f"{who}{number}@example{number}.net"])
    return len(sink.messages)


async def test_a_bulk_mailing_account_is_stopped_within_a_few_recipients(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
    async with house(settings(), tmp_path, sink) as place:
        escaped = await _blast(place, sink)
        last = await _send(place, "later", ["known@example.net"])
        assert [transaction.identity.account for transaction, _ in place.desk.incidents] == [ANN]
    assert escaped <= 25
    assert last == ["450 4.7.1 Sending is suspended for this account, try again later"]


async def test_observing_judges_the_same_and_stops_nothing(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
    watching = settings().model_copy(update={"observe": True})
    async with house(watching, tmp_path, sink) as place:
        escaped = await _blast(place, sink)
        assert place.desk.incidents == []
        assert place.desk.notes[-1][1].action == "block"
    assert escaped == 45


async def test_an_exempt_account_is_judged_and_not_stopped(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
    async with house(settings(), tmp_path, sink) as place:
        place.exempt(ANN)
        assert await _blast(place, sink) == 45
        assert place.desk.incidents == []
        assert place.desk.notes


async def test_parts_and_retries_of_a_message_count_once(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    roomy = settings("judging.window_start = 100", "judging.window_least = 100", "judging.hold_score = 0.001")
    async with house(roomy, tmp_path, sink) as place:
        people = [f"p{number}@example.net" for number in range(60)]
        sink.answer("END", "p0@", "451 4.3.0 Try again later", times=1)
        first = await _send(place, "3QID", people[:50])
        again = await _send(place, "3QID", people[:50])
        rest = await _send(place, "3QID", people[50:])
        assert (first[-1][:3], again[-1][:3], rest[-1][:3]) == ("451", "250", "250")
        assert _value(place.desk.notes[-1][1], "recipients_24h") == 60


async def test_refused_recipients_count_though_no_message_follows(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
    async with house(settings("judging.hold_score = 0.001"), tmp_path, sink) as place:
        await _send(place, "Q1", [f"nobody{number}@example.net" for number in range(12)])
        assert _value(place.desk.notes[-1][1], "refused_24h") == 12


async def test_a_window_that_was_taken_by_a_failed_message_is_free_again(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    narrow = settings("judging.window_start = 2", "judging.window_least = 1")
    async with house(narrow, tmp_path, sink) as place:
        sink.answer("END", "a@", "451 4.3.0 Try again later", times=1)
        assert (await _send(place, "Q1", ["a@example.net", "b@example.net"]))[-1][:3] == "451"
        assert [reply[:3] for reply in await _send(place, "Q2", ["c@example.net", "d@example.net"])] == ["250"] * 4


async def test_a_lost_client_frees_the_window_and_the_next_hop(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    narrow = settings("judging.window_start = 1", "judging.window_least = 1", "next_hop.connections = 1")
    async with house(narrow, tmp_path, sink) as place:
        await place.join.remember(PolicyRequest("loopback", "Q1", "", "", ANN, ANN), 0.0)
        async with smtp_talk(place.port) as talk:
            await talk.begin("a@example.net", xforward="IDENT=Q1")
            talk.writer.write(b"half a mess")
        assert [reply[:3] for reply in await _send(place, "Q2", ["b@example.net"])] == ["250"] * 3
    assert len(sink.messages) == 1


async def test_the_login_may_come_between_mail_and_rcpt_before_the_queue(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings('mode = "before-queue"'), tmp_path, sink) as place:
        place.book.block(ANN, "i0")
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            await talk.ask("EHLO mta.example")
            await talk.ask("XFORWARD ADDR=198.51.100.7 PORT=4711")
            assert (await talk.ask(f"MAIL FROM:<{ANN}>"))[:3] == "250"
            request = PolicyRequest("loopback", "", "198.51.100.7", "4711", ANN, ANN)
            place.join.logins["loopback", "198.51.100.7 4711"] = request
            assert await talk.ask("RCPT TO:<a@example.net>") == "550 5.7.1 Sending is suspended for this account"


async def test_a_blocked_account_known_by_its_header_is_refused_after_data(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    by_header = settings('identity = [{ source = "header", name = "X-AuthUser", trusted = true }]')
    async with house(by_header, tmp_path, sink) as place:
        place.book.block(ANN, "i0")
        async with smtp_talk(place.port) as talk:
            await talk.begin()
            answer = await talk.message(f"X-AuthUser: {ANN}\r\nReceived: by mta\r\n\r\nhello".encode())
    assert answer == "450 4.7.1 Sending is suspended for this account, try again later"
    assert sink.messages == []


@pytest.mark.parametrize(("when_broken", "expected"), [("relay", "250"), ("defer", "451")])
async def test_a_fault_of_ours_does_what_the_operator_chose(
    sink: SmtpSink, settings: Settings, tmp_path: Path, when_broken: str, expected: str
) -> None:
    async with house(settings(f'when_broken = "{when_broken}"'), tmp_path, sink) as place:
        place.profiles.fault = RuntimeError("a bug")
        assert (await _send(place, "Q1", ["a@example.net"]))[1][:3] == expected
        assert place.metrics.registry.get_sample_value("detector_broken_judgements_total")


async def test_an_account_known_by_its_header_meets_the_recipient_window_too(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    by_header = settings(
        'identity = [{ source = "header", name = "X-AuthUser" }]',
        "judging.window_start = 2",
        "judging.window_least = 1",
    )
    answers = []
    async with house(by_header, tmp_path, sink) as place:
        for number in range(2):
            async with smtp_talk(place.port) as talk:
                await talk.begin(*(f"p{number}.{one}@example.net" for one in range(3)))
                answers.append(await talk.message(f"X-AuthUser: {ANN}\r\nReceived: by mta\r\n\r\nhello".encode()))
    assert answers == ["250 2.0.0 Ok", "450 4.7.1 Too many new recipients at once, try this one again later"]


async def test_a_block_reaches_what_is_open_already(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings(), tmp_path, sink) as place:
        await place.join.remember(PolicyRequest("loopback", "Q1", "", "", ANN, ANN), 0.0)
        async with smtp_talk(place.port) as in_data, smtp_talk(place.port) as in_rcpt:
            await in_data.begin(xforward="IDENT=Q1")
            await in_rcpt.hear()
            for command in ("EHLO mta.example", "XFORWARD IDENT=Q1", "MAIL FROM:<>"):
                await in_rcpt.ask(command)
            place.book.block(ANN, "i0")
            suspended = "450 4.7.1 Sending is suspended for this account, try again later"
            assert await in_data.message(b"hello") == suspended
            assert await in_rcpt.ask("RCPT TO:<a@example.net>") == suspended
    assert sink.messages == []


async def test_a_client_that_goes_away_while_the_next_hop_thinks_gives_its_place_back(
    settings: Settings, tmp_path: Path
) -> None:
    thinking, left = asyncio.Event(), asyncio.Event()

    async def slow(talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"MAIL")
        await talk.say(b"250 ok")
        await talk.hear(b"RCPT")
        thinking.set()
        try:
            await talk.hear_end()
        finally:
            left.set()

    async with ScriptedServer(slow) as next_hop, house(settings(), tmp_path, next_hop.address) as place:
        await place.join.remember(PolicyRequest("loopback", "Q1", "", "", ANN, ANN), 0.0)
        async with smtp_talk(place.port) as talk:
            await talk.hear()
            for command in ("EHLO mta.example", "XFORWARD IDENT=Q1", f"MAIL FROM:<{ANN}>"):
                await talk.ask(command)
            talk.writer.write(b"RCPT TO:<a@example.net>\r\n")
            await thinking.wait()
            assert place.profiles.profiles[ANN].window.in_flight == 1
            # A reset, not an end of input: who only says no more may still listen.
            talk.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            talk.writer.transport.abort()
            await asyncio.wait_for(left.wait(), 20)
        await place.server.stop()  # when the transaction has ended
        assert place.profiles.profiles[ANN].window.in_flight == 0
