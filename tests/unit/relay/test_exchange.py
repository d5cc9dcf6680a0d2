"""What passes between client and next hop when the next hop is slow, short-tempered, or gone."""

import errno
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from detector import config
from detector.mail.address import Address
from detector.mail.headers import Header
from detector.mail.tag import TagKey, transaction_of, untagged
from detector.relay import body, replies
from detector.relay.tagging import Tagger
from tests.support.relay_house import house
from tests.support.scripted_server import ScriptedServer, Talk
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import SmtpTalk, smtp_talk
from tests.support.stores import eventually

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
        async with house(settings(), tmp_path, next_hop.address) as place:
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


@pytest.mark.parametrize("late", ["250 2.1.5 Ok", "251 ok", "334 what?"])
async def test_a_reply_that_is_no_354_does_not_make_an_unsent_message_accepted(
    sink: SmtpSink, settings: Settings, tmp_path: Path, late: str
) -> None:
    sink.answer("DATA", "", late, times=1)
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin()
            answer = await talk.message(b"hello")
    assert (answer[:9], sink.messages) == ("451 4.4.1", [])


async def test_a_next_hop_that_lost_patience_while_the_message_came_in_is_told_again(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("DATA", "", "421 4.4.2 Timeout", times=1)
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin("a@example.net", "b@example.net", xforward="IDENT=Q1")
            assert await talk.message(b"Subject: slow") == "250 2.0.0 Ok"
    (message,) = sink.messages
    assert message.addresses == ("a@example.net", "b@example.net")
    assert message.xforward["IDENT"] == "Q1"


async def test_nothing_is_sent_when_the_next_hop_changed_its_mind_meanwhile(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin("a@example.net", "b@example.net")
            sink.answer("DATA", "", "421 4.4.2 Timeout", times=1)
            sink.answer("RCPT", "b@", "550 5.1.1 Gone", times=1)
            answer = await talk.message(b"Subject: slow")
    assert answer == "451 4.4.2 The next server changed its mind on a recipient, try again later"
    assert sink.messages == []


async def test_recipients_that_the_next_hop_refuses_are_no_errors_of_the_client(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            assert (await talk.begin("good@example.net", *(f"nobody{n}@example.net" for n in range(50))))[:3] == "354"
            assert await talk.message(b"Subject: to one") == "250 2.0.0 Ok"
    assert sink.messages[0].addresses == ("good@example.net",)


async def test_an_ipv6_customer_is_told_on_as_xforward_writes_it(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin(xforward="ADDR=IPV6:2001:db8::1")
            await talk.message(b"hello")
    assert sink.messages[0].xforward["ADDR"] == "IPV6:2001:db8::1"


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (b"\tindented", b"\tindented\r\n"),
        (b"plain words", b"plain words\r\n"),
        (b"\r\nafter a gap", b"after a gap\r\n"),
    ],
)
async def test_text_without_a_header_arrives_as_text(
    sink: SmtpSink, settings: Settings, tmp_path: Path, message: bytes, body: bytes
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin()
            await talk.message(message)
    (arrived,) = sink.messages
    assert arrived.header.startswith(b"Received: from pc.example")
    assert arrived.body == body


KEY = TagKey.of(b"k" * 32)
TAGGER = Tagger(KEY, "X-Transaction-Tag", in_envelope=True)


async def test_what_leaves_carries_our_tag_and_no_other(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    configuration = settings()
    async with house(configuration, tmp_path, sink) as place:
        route = replace(place.route, tagger=TAGGER, strip=place.route.strip | TAGGER.strips)
        place.server.reconfigure(configuration, route, None)
        async with smtp_talk(place.port) as talk:
            await talk.begin()
            assert await talk.message(b"x-transaction-tag: 7f.old\r\nSubject: x\r\n\r\nhello") == "250 2.0.0 Ok"
    (message,) = sink.messages
    header = Header.of(message.content)
    assert [name for name, _ in header.written] == [b"Received", b"X-Transaction-Tag", b"Subject"]
    tag = header.values(b"x-transaction-tag")[0]
    assert transaction_of(tag, [KEY], place.now[0], 86_400.0) == "t1"
    sender, returned = untagged(Address.parse(message.sender.address))
    assert (str(sender), returned) == ("ann@example.org", tag)


async def test_what_the_next_hop_refuses_is_counted_by_its_cause(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("RCPT", "nobody", "550 5.1.1 User unknown")
    sink.answer("RCPT", "listed", "554 5.7.1 Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org")
    sink.answer("END", "", "552 5.2.2 Over quota", times=1)
    async with house(settings(), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin("nobody@example.net", "listed@example.net", "bob@example.net")
            await talk.message(b"one")
            value = place.metrics.registry.get_sample_value
            causes = ("no_such_user", "reputation", "mailbox_full", "policy", "other", "temporary")
            told = {cause: value("detector_next_hop_refusals_total", {"cause": cause}) for cause in causes}
    assert {cause for cause, count in told.items() if count} == {"no_such_user", "reputation", "mailbox_full"}
    assert sum(count or 0.0 for count in told.values()) == 3


async def test_a_message_of_which_the_disk_keeps_a_part_is_refused_for_now_and_settled(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(number: int, at: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(body, "_at_hand", lambda *_: None)
    monkeypatch.setattr(body, "_in_time", stuck)
    lines = 'identity = [{ source = "envelope-sender" }]', "relay.limits.message_memory_bytes = 524288"
    async with house(settings(*lines), tmp_path, sink) as place:
        async with smtp_talk(place.port) as talk:
            await talk.begin()
            assert await talk.message(b"Subject: large\r\n\r\n" + b"x\r\n" * 500_000) == str(replies.NO_STORAGE)
            assert await talk.ask("NOOP") == "250 2.0.0 Ok"
        stopped = partial(place.metrics.registry.get_sample_value, "detector_recipients_total", {"result": "stopped"})
        await eventually(lambda: stopped() == 1, "it is settled")
        assert place.profiles.profiles["ann@example.org"].window.in_flight == 0
    assert sink.messages == []
