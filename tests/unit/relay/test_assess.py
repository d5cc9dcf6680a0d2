"""The main path as the clients see it: blasts, retries, parts, blocks, and faults of our own."""

import asyncio
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from detector import config
from detector.content.model import TextModel
from detector.mail.login import PolicyRequest
from detector.ports import Temporary
from detector.relay import replies
from detector.verdict.hold import PROBATION
from detector.verdict.verdict import Action, Group, Verdict
from tests.support.mail_to import ANN, HOME, letter, live, submit
from tests.support.ports import PATIENCE
from tests.support.relay_house import DictProfiles, House, house
from tests.support.scripted_server import ScriptedServer, Talk
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import smtp_talk
from tests.support.text_model import ABUSE, CLEAN

Settings = Callable[..., config.Config]


def _value(verdict: Verdict, signal: str) -> float:
    return next(e.value for group in verdict.groups for e in group.evidence if e.signal == signal)


async def _blast(place: House, sink: SmtpSink, messages: int = 60) -> int:
    """By a thief, every fourth recipient does not exist; how many the next hop took."""
    await live(place)
    sink.clear()
    for number in range(messages):
        who = "nobody" if number % 4 == 0 else "someone"
        await submit(place, f"Q{number}", [f"{who}{number}@example{number}.net"], letter(ABUSE, number, "Blaster 2"))
    return len(sink.messages)


async def test_a_bulk_mailing_account_is_stopped_within_a_few_recipients(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
    async with house(settings(), tmp_path, sink) as place:
        escaped = await _blast(place, sink)
        last = await submit(place, "later", ["known@example.net"])
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
    roomy = roomy.model_copy(update={"observe": True})
    async with house(roomy, tmp_path, sink) as place:
        people = [f"p{number}@example.net" for number in range(60)]
        sink.answer("END", "p0@", "451 4.3.0 Try again later", times=1)
        first = await submit(place, "3QID", people[:50])
        again = await submit(place, "3QID", people[:50])
        rest = await submit(place, "3QID", people[50:])
        assert (first[-1][:3], again[-1][:3], rest[-1][:3]) == ("451", "250", "250")
        assert _value(place.desk.notes[-1][1], "new_recipients_24h") == 60


async def test_refused_recipients_count_though_no_message_follows(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
    async with house(settings("judging.hold_score = 0.001"), tmp_path, sink) as place:
        await submit(place, "Q1", [f"nobody{number}@example.net" for number in range(12)])
        assert _value(place.desk.notes[-1][1], "refused_24h") == 12


async def test_a_window_that_was_taken_by_a_failed_message_is_free_again(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    narrow = settings("judging.window_start = 2", "judging.window_least = 1")
    async with house(narrow, tmp_path, sink) as place:
        sink.answer("END", "a@", "451 4.3.0 Try again later", times=1)
        assert (await submit(place, "Q1", ["a@example.net", "b@example.net"]))[-1][:3] == "451"
        assert [reply[:3] for reply in await submit(place, "Q2", ["c@example.net", "d@example.net"])] == ["250"] * 4


async def test_a_lost_client_frees_the_window_and_the_next_hop(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    narrow = settings("judging.window_start = 1", "judging.window_least = 1", "next_hop.connections = 1")
    async with house(narrow, tmp_path, sink) as place:
        await place.join.remember(PolicyRequest("loopback", "Q1", "", "", ANN, ANN), 0.0)
        async with smtp_talk(place.port) as talk:
            await talk.begin("a@example.net", xforward="IDENT=Q1")
            talk.writer.write(b"half a mess")
        assert [reply[:3] for reply in await submit(place, "Q2", ["b@example.net"])] == ["250"] * 3
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


@pytest.mark.parametrize(("silent", "replies"), [(1, ["250", "250", "450"]), (2, ["250"] * 3)])
async def test_a_login_that_is_not_told_at_mail_is_asked_for_again_with_the_message(
    sink: SmtpSink, settings: Settings, tmp_path: Path, silent: int, replies: list[str]
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        place.book.block(ANN, "i0")
        place.join.silent = silent
        assert [reply[:3] for reply in await submit(place, "Q1", ["a@example.net"])] == replies
    assert len(sink.messages) == (silent == 2)


async def test_a_login_that_is_told_late_and_is_none_is_one_that_nobody_knows(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings('unknown_identity = "defer"'), tmp_path, sink) as place, smtp_talk(place.port) as talk:
        place.join.silent = 1
        await talk.begin("a@example.net", xforward="IDENT=Q1")
        assert (await talk.message(b"hello"))[:3] == "450"
    assert sink.messages == []


async def test_who_is_blocked_is_stopped_though_the_message_cannot_be_judged(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        await place.join.remember(PolicyRequest("loopback", "Q1", "", "", ANN, ANN), 0.0)
        async with smtp_talk(place.port) as talk:
            await talk.begin("a@example.net", xforward="IDENT=Q1")
            place.book.block(ANN, "i0")
            place.profiles.fault = Temporary("no answer within 0.2 s")
            assert (await talk.message(b"hello"))[:3] == "450"
    assert sink.messages == []


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
        assert (await submit(place, "Q1", ["a@example.net"]))[1][:3] == expected
        assert place.metrics.registry.get_sample_value("detector_broken_judgements_total")


async def test_a_store_that_does_not_answer_is_no_bug_but_told(
    sink: SmtpSink, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        place.profiles.fault = Temporary("no answer within 0.2 s")
        assert (await submit(place, "Q1", ["a@example.net"]))[1][:3] == "250"
        assert place.metrics.registry.get_sample_value("detector_broken_judgements_total")
    told = capsys.readouterr().out
    assert "not_judged" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(("when_broken", "expected"), [("relay", "250"), ("defer", "451")])
async def test_stores_that_never_answer_delay_a_message_once_however_often_they_are_asked(  # noqa: PLR0917
    sink: SmtpSink,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    when_broken: str,
    expected: str,
) -> None:
    """A minute is less than its recipients would wait one after the other."""

    async def never(*_: object) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(DictProfiles, "update", never)
    hasty = settings(f'when_broken = "{when_broken}"', "patience = 0.5")
    async with house(hasty, tmp_path, sink) as place, asyncio.timeout(60):
        replies = await submit(place, "Q1", [f"r{number}@example.net" for number in range(200)])
        assert {reply[:3] for reply in replies[1:200]} == {expected}
    assert "no answer within 0.5 s in all" in capsys.readouterr().out


async def test_stores_that_answer_in_time_are_asked_about_each_of_many_recipients_and_the_message(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, passed, at_once = asyncio.get_running_loop(), 0.0, DictProfiles.update
    time = loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + passed)

    async def a_while(*arguments: Any) -> Any:
        nonlocal passed
        await asyncio.sleep(0.0)
        passed += 0.6
        return await at_once(*arguments)

    monkeypatch.setattr(DictProfiles, "update", a_while)
    strict = settings("patience = 1.0", "judging.window_start = 5", "judging.window_least = 5")
    async with house(strict, tmp_path, sink) as place:
        replies = await submit(place, "Q1", [f"r{number}@example.net" for number in range(50)])
        assert [reply[:3] for reply in replies[1:]].count("250") == 5 + 1
        assert place.metrics.registry.get_sample_value("detector_broken_judgements_total") == 0.0


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
            await asyncio.wait_for(left.wait(), PATIENCE)
        await place.server.stop()  # when the transaction has ended
        assert place.profiles.profiles[ANN].window.in_flight == 0


# -- hold --

MEMBERS = [f"{name}{number}@{domain}.example" for number in range(10) for name in "gcaeb" for domain in ("oak", "fir")]
INVITATION = "Dear members, the summer fair takes place on Saturday in the park. Bring cake and good mood, please."


async def test_a_large_honest_mailing_is_held_at_first_and_passes_when_it_is_tried_again_after_the_probation(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        await live(place)
        sink.clear()
        last = []
        for wait in (0.0, 60.0, PROBATION):
            place.now[0] += wait
            last.append((await submit(place, "FAIR", MEMBERS, letter(INVITATION, 900), client=HOME))[-1])
        assert last == [str(replies.MESSAGE_HELD), str(replies.MESSAGE_HELD), "250 2.0.0 Ok"]
        counted = [_value(verdict, "new_recipients_24h") for _, verdict in place.desk.notes]
        assert counted == sorted(counted, reverse=True)
        assert counted[0] == pytest.approx(len(MEMBERS), rel=0.05)  # the memory of pairs errs a little
        assert place.metrics.registry.get_sample_value("detector_refusal_reasons_total", {"reason": "hold"}) == 2
    assert len(sink.messages) == 1


async def test_a_thiefs_mail_is_no_better_for_having_waited(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings("judging.block_score = 100"), tmp_path, sink) as place:
        await live(place)
        sink.clear()
        last = []
        for wait in (0.0, PROBATION, 3600.0, 20_000.0):
            place.now[0] += wait
            last.append((await submit(place, "PRIZE", MEMBERS, letter(ABUSE, 900, "Blaster 2")))[-1])
        assert last == [str(replies.MESSAGE_HELD)] * 4
    assert sink.messages == []


# -- what people decided --


async def test_declared_bulk_is_neither_paced_nor_held_and_above_it_judged_like_any_other(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as place:
        await live(place)
        place.exempt(ANN, recipients_per_day=len(MEMBERS) * 11 // 10)  # recipients are counted to a few percent
        sink.clear()
        answers = await submit(place, "FAIR", MEMBERS, letter(INVITATION, 900), client=HOME)
        assert {answer[:3] for answer in answers} == {"250"}
        assert place.desk.notes[-1][1].action is Action.HOLD
        many = [f"{name}{number}@elm.example" for number in range(100) for name in "xgcae"]
        answers = await submit(place, "PRIZE", many, letter(ABUSE, 901, "Blaster 2"))
        assert answers[-1][:3] == "450"
        assert [transaction.identity.account for transaction, _ in place.desk.incidents] == [ANN]
    assert len(sink.messages) == 1


# -- content --


async def test_the_content_is_evidence(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    watching = settings("judging.hold_score = 0.001").model_copy(update={"observe": True})
    async with house(watching, tmp_path, sink) as place:
        await live(place)
        await submit(place, "PRIZE", MEMBERS[:3], letter(ABUSE, 900, "Blaster 2", "bank@example.com"))
        transaction, verdict = place.desk.notes[-1]
        signals = {one.signal: one.nats for group in verdict.groups for one in group.evidence}
        assert {group.group for group in verdict.groups} == set(Group)
        assert signals["reads_like_abuse"] > 2.0
        assert signals["unseen_client"] > 1.0
        assert signals["unseen_author"] > 0.0
        assert transaction.content is not None


async def test_accounts_that_send_the_same_convict_each_other_only_when_they_are_suspicious_themselves(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    watching = settings("judging.hold_score = 0.001").model_copy(update={"observe": True})
    accounts = [f"{name}@example.org" for name in ("bert", "carl", "dora")]
    async with house(watching, tmp_path, sink) as place:
        for account in accounts:
            await live(place, 5, account)
        for number, account in enumerate(accounts):
            people = [f"{name}{number}@elm.example" for name in "xgcaey"]
            await submit(place, f"P{number}", people, letter(ABUSE, number, "Blaster 2"), account=account)
            place.now[0] += 60.0
        found = [_value(verdict, "accomplices") for _, verdict in place.desk.notes[-2:]]
    assert found == pytest.approx([1.0, 2.0], abs=0.01)


async def test_an_innocent_template_is_no_campaign(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with house(settings("judging.hold_score = 0.001"), tmp_path, sink) as place:
        for name in ("bert", "carl", "dora"):
            await live(place, 3, f"{name}@example.org")
    assert not [one for _, verdict in place.desk.notes for group in verdict.groups for one in group.evidence
                if one.signal == "accomplices"]  # fmt: skip


async def test_what_the_next_hop_took_is_remembered_by_the_name_that_it_gave(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
    sink.answer("END", "bob", "250 2.0.0 Ok: queued as 4AB1", 1)
    sink.answer("END", "bob", "451 4.3.0 Not now")
    async with house(settings(), tmp_path, sink) as place:
        for queue_id in ("Q1", "Q2"):
            await submit(place, queue_id, ["bob@example.net", "nobody@example.net"], letter(CLEAN, 1))
        ((receipt, handed),) = place.handed_over.taken
    assert (receipt.server, receipt.queue_id) == (f"127.0.0.1:{sink.port}", "4AB1")
    assert receipt.message_id
    assert (handed.account, len(handed.recipients)) == (ANN, 1)
    assert handed.first_time == handed.recipients


async def test_faults_of_the_text_model_and_the_campaigns_cost_evidence_and_no_mail(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings('when_broken = "defer"'), tmp_path, sink) as place:
        place.campaigns.fault = OSError("no store")
        place.reader._model = cast("TextModel", None)
        assert (await submit(place, "Q1", ["a@example.net"], letter(CLEAN, 1)))[-1][:3] == "250"
        assert place.metrics.registry.get_sample_value("detector_content_errors_total") == 3
        assert place.metrics.registry.get_sample_value("detector_broken_judgements_total") == 0
