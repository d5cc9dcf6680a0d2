"""One server, two processes that take mail, real sockets: they know the same, and the death of none loses mail."""

import asyncio
import json
import os
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.support.detector_process import DetectorProcess, Settings, merged
from tests.support.ports import HOST, PATIENCE, free_port, wait_for
from tests.support.smtp_client import Letter, Outcome, Sender
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import SmtpTalk, smtp_talk
from tests.support.valkey import Valkey

pytestmark = [pytest.mark.e2e, pytest.mark.debian("redis-server")]

CONNECTIONS = 24
"""The system deals connections out by chance: that all of so many come to one of two happens once in eight million."""
LIMIT = 40
SLOW_VALKEY = 20.0
"""Seconds that it may take to answer on a busy machine: it does not die here."""
HELD = "250 2.0.0 Ok: queued as "
"""The hop's own words; the sink says less."""
SETTINGS: Settings = {
    "workers": 2,
    "identity": [{"source": "envelope-sender"}],
    "judging": {"block_score": 4.0, "hold_score": 3.9, "window_start": 500},
    "relay": {"limits": {"connections": LIMIT, "stop_time": 5.0}},
}
"""Mail to many strangers of whom some do not exist is an incident soon."""


@pytest.fixture(scope="module")
def shared_sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        running.answer("RCPT", "nobody", "550 5.1.1 No such user")
        yield running


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, valkey_of_this_run: Valkey, shared_sink: SmtpSink
) -> Iterator[DetectorProcess]:
    """One for all tests here; who breaks it mends it."""
    valkey_of_this_run.empty()
    settings = merged(SETTINGS, {"state": {"url": valkey_of_this_run.url, "timeout": SLOW_VALKEY}})
    with DetectorProcess(tmp_path_factory.mktemp("server"), shared_sink.port, settings) as running:
        yield running
        running.stop()


@pytest.fixture
def detector(server: DetectorProcess) -> DetectorProcess:
    wait_for(lambda: server.metrics()["detector_workers"] == 2, "both workers take mail")
    wait_for(lambda: server.metrics()["detector_client_connections"] == 0, "clients of the test before are gone")
    return server


@asynccontextmanager
async def many(detector: DetectorProcess, number: int = CONNECTIONS) -> AsyncIterator[list[SmtpTalk]]:
    """So many connections at a time, each greeted."""
    async with AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(smtp_talk(detector.port)) for _ in range(number)]
        for talk in talks:
            assert (await talk.hear()).startswith("220 ")
            await talk.ask("EHLO pc.example")
        yield talks


async def send(talk: SmtpTalk, sender: str, *recipients: str) -> str:
    """The first refusal, or the last reply."""
    for command in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{one}>" for one in recipients), "DATA"):
        reply = await talk.ask(command)
        if reply[0] in "45":
            await talk.ask("RSET")
            return reply
    return await talk.message(b"Subject: hello\r\n\r\nhello\r\n")


async def blast(detector: DetectorProcess, talk: SmtpTalk, thief: str) -> None:
    """To strangers of whom a part does not exist, until it is noticed."""
    for number in range(50):
        await talk.ask(f"MAIL FROM:<{thief}>")
        for one in range(10):
            await talk.ask(f"RCPT TO:<{'nobody' if one % 2 else 'target'}-{number}-{one}@victims.example>")
        if (await talk.ask("DATA")).startswith("354"):
            await talk.message(b"Subject: offer %d\r\n\r\nbuy %d\r\n" % (number, number))
        await talk.ask("RSET")
        if any(event["account"] == thief for event in detector.events("incident_opened")):
            return
    pytest.fail("the thief is never recognised")


async def blocked(talk: SmtpTalk, thief: str) -> None:
    """Wait until it is."""
    async with asyncio.timeout(PATIENCE):
        while not (reply := await talk.ask(f"MAIL FROM:<{thief}>")).startswith("450 4.7.1"):
            assert reply.startswith("250 ")
            await talk.ask("RSET")
            await asyncio.sleep(0.02)


def held_by(detector: DetectorProcess, account: str) -> list[str]:
    return [event["message"] for event in detector.events("held") if event["account"] == account]


def workers(detector: DetectorProcess) -> dict[int, int]:
    """The process of each worker that is ready."""
    return {event["worker"]: event["process"] for event in detector.events("worker_ready")}


def accepted(detector: DetectorProcess) -> float:
    figures = detector.metrics()
    return sum(value for name, value in figures.items() if "_transactions_total" in name and '"accepted"' in name)


def runs(process_id: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process_id}/status").read_text("ascii")
    except OSError:
        return False


async def test_both_take_mail_and_the_figures_are_those_of_both(detector: DetectorProcess) -> None:
    before = accepted(detector)
    async with many(detector) as talks:
        for number, talk in enumerate(talks):
            assert (await send(talk, f"both-{number}@example.org", "bob@example.net")).startswith("250 ")
        figures = detector.metrics()
    assert figures["detector_client_connections"] == CONNECTIONS
    wait_for(lambda: accepted(detector) - before == CONNECTIONS, "all messages are counted")

    def told() -> Counter[int]:
        verdicts = detector.events("verdict")
        return Counter(event["worker"] for event in verdicts if event["account"].startswith("both-"))

    wait_for(lambda: told().total() == CONNECTIONS, "all verdicts are told")
    assert set(told()) == {1, 2}


async def test_a_block_that_one_opens_holds_in_the_other(detector: DetectorProcess) -> None:
    thief = "thief@example.org"
    async with many(detector) as talks:
        await blast(detector, talks[0], thief)
        for talk in talks:
            await blocked(talk, thief)
        assert (await send(talks[1], "ben@example.org", "bob@example.net")).startswith("250 ")
    assert len([event for event in detector.events("incident_opened") if event["account"] == thief]) == 1
    wait_for(lambda: detector.metrics()["detector_blocked_accounts"] == 1, "the first process knows it, too")


async def test_what_one_holds_the_other_knows_when_it_is_handed_over_again(detector: DetectorProcess) -> None:
    """Our 250 was not heard, and the client tries again: with whichever process it comes to, it is held once."""

    async def hand_over(talk: SmtpTalk, queue_id: str) -> str:
        await talk.ask(f"XFORWARD ADDR=192.0.2.7 IDENT={queue_id}")
        return await send(talk, account, *(f"stranger-{queue_id}-{one}@example.net" for one in range(10)))

    def repeated() -> float:
        return detector.metrics()['detector_held_results_total{result="repeated"}']

    account = "doubtful@example.org"
    async with many(detector) as talks:
        number = 1
        while not (answer := await hand_over(talks[0], f"QUEUE{number}")).startswith(HELD):
            assert answer.startswith("250 ")
            number += 1
            assert number < 50, "nothing is ever held"
        for talk in talks:
            assert (await hand_over(talk, f"QUEUE{number}")).startswith(HELD)
        wait_for(lambda: repeated() == CONNECTIONS, "all of them are counted")
    wait_for(lambda: bool(held_by(detector, account)), "it is told that it is held")
    assert [f"{HELD}{message}" for message in held_by(detector, account)] == [answer]


async def test_the_limit_of_connections_counts_for_both_together(detector: DetectorProcess) -> None:
    async with many(detector, LIMIT):
        async with smtp_talk(detector.port) as one_more:
            assert await one_more.hear() == "421 4.7.0 Too many connections, try again later"


async def test_a_reload_reaches_one_after_the_other_and_a_mistake_none(detector: DetectorProcess) -> None:
    async with smtp_talk(detector.port) as talk:
        await talk.begin()
        await asyncio.to_thread(rewrite_and_reload, detector, "hop.example", "other.example")
        assert detector.events("reload_refused") == []
        assert await greetings(detector) == {"220 other.example ESMTP"}
        assert await talk.message(b"Subject: through") == "250 2.0.0 Ok"
    await asyncio.to_thread(rewrite_and_reload, detector, "observe = false", "obzerve = false")
    assert "did you mean `observe`" in detector.events("reload_refused")[-1]["problem"]
    # Who is started now follows the configuration that holds, not the file.
    await asyncio.to_thread(kill_a_worker, detector)
    assert await greetings(detector) == {"220 other.example ESMTP"}
    await asyncio.to_thread(rewrite_and_reload, detector, "obzerve = false", "observe = false")


async def test_who_takes_a_dead_ones_place_listens_where_the_others_do_whatever_waits_for_a_restart(
    detector: DetectorProcess,
) -> None:
    here, elsewhere = f'listen = ["{HOST}:{detector.port}"]', f'listen = ["{HOST}:{free_port()}"]'
    await asyncio.to_thread(rewrite_and_reload, detector, here, elsewhere)
    assert detector.events("restart_needed")[-1]["setting"] == "relay.listen"
    for number in (1, 2):
        await asyncio.to_thread(kill_a_worker, detector, number)
    assert len(await greetings(detector)) == 1
    await asyncio.to_thread(rewrite_and_reload, detector, elsewhere, here)


def test_a_worker_that_is_killed_under_load_costs_no_message_and_is_back(
    detector: DetectorProcess, shared_sink: SmtpSink
) -> None:
    shared_sink.clear()
    letters = [
        Letter(f"load-{number}@example.org", f"r{number}@example.net", b"Subject: x\r\n\r\n%d\r\n" % number)
        for number in range(1200)  # so many that there are some when it is killed
    ]
    restarts = detector.metrics()["detector_worker_restarts_total"]
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(asyncio.run, run(Sender(detector.port, letters, sessions=16)))
        shared_sink.wait_for_messages(100)
        passed = accepted(detector)
        kill_a_worker(detector)
        outcome = sending.result(PATIENCE)
    arrived = Counter(address for message in shared_sink.messages for address in message.addresses)
    assert set(arrived) == {letter.recipient for letter in letters}
    assert {address for address, times in arrived.items() if times > 1} <= set(outcome.uncertain)
    assert outcome.accepted == len(letters)
    assert outcome.lost_connections > 0
    assert detector.metrics()["detector_worker_restarts_total"] == restarts + 1
    assert accepted(detector) > passed  # what the dead one had counted is not forgotten


async def test_after_the_first_process_is_killed_workers_take_mail_until_those_of_the_next_one_do(
    detector: DetectorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief, other = "first@example.org", "second@example.org"
    processes = workers(detector).values()
    async with many(detector) as talks:
        await blast(detector, talks[0], thief)
        detector.kill()
        for number, talk in enumerate(talks):
            await blocked(talk, thief)
            assert (await send(talk, f"alone-{number}@example.org", "bob@example.net")).startswith("250 ")
        await blast(detector, talks[0], other)
        for talk in talks:
            await blocked(talk, other)
    async with many(detector) as talks:
        for number, talk in enumerate(talks):
            assert (await send(talk, f"alone-{number}@example.org", "bob@example.net")).startswith("250 ")
    assert await logins_are_heard(detector)
    assert all(map(runs, processes))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        await asyncio.to_thread(detector.start)
        told = [manager.recv(100)]
        while not {b"READY=1", b"WATCHDOG=1"} <= set(told):
            told.append(manager.recv(100))
    assert told.count(b"READY=1") == 1  # workers do not speak for the service
    wait_for(lambda: not any(map(runs, processes)), "the workers of before have ended")
    async with many(detector) as talks:
        for talk in talks:
            assert (await talk.ask(f"MAIL FROM:<{thief}>")).startswith("450 4.7.1")
            assert (await talk.ask(f"MAIL FROM:<{other}>")).startswith("450 4.7.1")
    incidents = json.loads(detector.command("incidents", "list", "--config", str(detector.path), "--json"))
    assert {thief, other} <= {incident["account"] for incident in incidents}


async def test_a_worker_that_is_left_alone_ends_when_it_is_told(detector: DetectorProcess) -> None:
    """So that the service manager can stop the service whatever has happened to its first process."""
    processes = workers(detector).values()
    for process_id in processes:
        os.kill(process_id, signal.SIGTERM)  # as long as there is a first process, nobody listens to that
    async with many(detector) as talks:
        assert (await send(talks[0], "told@example.org", "bob@example.net")).startswith("250 ")
        assert all(map(runs, processes))
        detector.kill()
        assert await talks[1].hear() == "421 4.3.2 Service is shutting down, try again later"
    wait_for(lambda: not any(map(runs, processes)), "the workers have ended")
    await asyncio.to_thread(detector.start)


def kill_a_worker(detector: DetectorProcess, number: int = 1) -> None:
    """And wait until it is back."""
    process_id = workers(detector)[number]
    before = len(detector.events("worker_ready"))
    os.kill(process_id, signal.SIGKILL)
    wait_for(lambda: len(detector.events("worker_ready")) > before, "it takes mail again")
    died, back = [event for event in detector.events() if event["event"] in {"worker_died", "worker_ready"}][-2:]
    assert (died["worker"], died["status"], back["worker"]) == (number, -signal.SIGKILL, number)
    wait_for(lambda: detector.metrics()["detector_workers"] == 2, "it is counted again")


def rewrite_and_reload(detector: DetectorProcess, old: str, new: str) -> None:
    text = detector.path.read_text("utf-8")
    assert old in text
    detector.path.write_text(text.replace(old, new), "utf-8")
    told = ("reloaded", "reload_refused")
    before = sum(event["event"] in told for event in detector.events())
    os.kill(detector.process_id, signal.SIGHUP)
    wait_for(lambda: sum(event["event"] in told for event in detector.events()) > before, "the reload is told")


async def greetings(detector: DetectorProcess) -> set[str]:
    found = set()
    for _ in range(CONNECTIONS):
        async with smtp_talk(detector.port) as talk:
            found.add(await talk.hear())
    return found


async def logins_are_heard(detector: DetectorProcess) -> bool:
    reader, writer = await asyncio.open_connection(HOST, detector.policy_port)
    writer.write(b"request=smtpd_access_policy\nqueue_id=1A\nsasl_username=ann@example.net\n\n")
    answer = await reader.readline()
    writer.close()
    return answer == b"action=DUNNO\n"


async def run(sender: Sender) -> Outcome:
    return await sender.run()


@pytest.mark.debian("postgresql")
async def test_on_two_hosts_a_block_holds_in_every_process_and_operators_hear_of_it_once(
    tmp_path: Path, postgres_url: str, valkey_of_this_run: Valkey, shared_sink: SmtpSink
) -> None:
    told = tmp_path / "told"
    hook = {"provider": "command", "argv": ["/usr/bin/tee", "-a", str(told)]}
    settings = {
        # Database 1: the server of the other tests has 0.
        "state": {"url": f"{valkey_of_this_run.url[:-1]}1", "timeout": SLOW_VALKEY},
        "records": {"url": postgres_url},
        "response": {"hooks": [{"name": "tickets", "group_wait": 0.0, "action": hook}]},
    }
    shared = merged(SETTINGS, settings)
    here = DetectorProcess(tmp_path / "here", shared_sink.port, shared)
    there = DetectorProcess(tmp_path / "there", shared_sink.port, merged(shared, {"workers": 1}))
    async with AsyncExitStack() as stack:
        for one in (here, there):
            one.state.mkdir(mode=0o700)
            (one.state / "recipient.key").write_bytes(b"k" * 32)
            stack.callback(one.kill)
        await asyncio.gather(*(asyncio.to_thread(one.start) for one in (here, there)))
        thief = "traveller@example.org"
        async with many(there, 1) as (elsewhere,), many(here) as talks:
            await blast(there, elsewhere, thief)
            for talk in talks:
                await blocked(talk, thief)
        wait_for(lambda: told.exists() and '"incident.opened"' in told.read_text(), "operators hear of it")
        await asyncio.gather(*(asyncio.to_thread(one.stop) for one in (here, there)))
    assert told.read_text("utf-8").count('"incident.opened"') == 1
