"""A real Postfix delivers, bounces and defers; its log is followed, rotated and followed on by the next process."""

import asyncio
import json
import os
import random
import shutil
import signal
import smtplib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.config import parse
from detector.feedback.build import Following
from detector.feedback.notices import Attempt, Outcome
from detector.feedback.postfix_log import read
from detector.mail.delivery import DeliveryStatus
from detector.metrics import Metrics
from tests.support.feedback import MemorySink
from tests.support.follower_process import FRIENDS
from tests.support.mail_to import ANN, submit
from tests.support.packages import need
from tests.support.ports import HOST, PATIENCE, wait_for
from tests.support.postfix import Postfix, outbound
from tests.support.relay_house import house
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.e2e
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        sink.answer("RCPT", "bad", "550 5.1.1 No such user here")
        sink.answer("END", "spam", "554 5.7.1 This looks like spam")
        yield sink


@pytest.fixture
def postfix(sink: SmtpSink) -> Iterator[Postfix]:
    need("postfix")
    with outbound(sink.port) as postfix:
        yield postfix


class FollowerProcess:
    """Killed and started again as often as the test likes."""

    def __init__(self, directory: Path, log: Path) -> None:
        self._words = [str(directory), str(log), str(directory / "told")]
        self._told = directory / "told"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.follower_process", *self._words], cwd=CHECKOUT
        )

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(PATIENCE)
            self._process = None

    def told(self) -> list[tuple[str, str, str, str]]:
        """Not a line that is being written this very moment."""
        whole = self._told.read_text().rpartition("\n")[0] if self._told.exists() else ""
        return [tuple(json.loads(line)) for line in whole.splitlines()]

    def follows(self, directory: Path) -> bool:
        """Whether it has kept a position."""
        return (directory / "followed.sqlite").exists() and b"place " in b"".join(
            file.read_bytes() for file in directory.glob("followed.sqlite*")
        )


@pytest.fixture
def follower(tmp_path: Path, postfix: Postfix) -> Iterator[FollowerProcess]:
    follower = FollowerProcess(tmp_path, postfix.directory / "log")
    follower.start()
    wait_for(lambda: follower.follows(tmp_path), "the log is followed")
    yield follower
    follower.kill()


def send(postfix: Postfix, recipients: list[str]) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=PATIENCE) as client:
        for recipient in recipients:
            client.sendmail("ann@home.example", [recipient], "Subject: hello\r\n\r\nhello\r\n")


def attempts(postfix: Postfix) -> list[Attempt]:
    """What Postfix says that it did, in all of its log files."""
    lines = [line for path in postfix.directory.glob("log*") for line in path.read_bytes().splitlines()]
    found = [notice for line in dict.fromkeys(lines) if isinstance(notice := read(line), Attempt)]
    return [attempt for attempt in found if set(attempt.recipients) & set(FRIENDS)]


def outcomes(told: list[tuple[str, str, str, str]]) -> Counter[str]:
    return Counter(status for _, status, _, _ in {one[0]: one for one in told}.values())


def test_each_result_reaches_the_sink_once(postfix: Postfix, sink: SmtpSink, follower: FollowerProcess) -> None:
    sink.answer("RCPT", "slow", "451 4.7.1 Greylisted", 2)
    send(postfix, ["good0@friend.example", "bad0@friend.example", "spam0@friend.example", "slow0@friend.example"])
    wait_for(lambda: outcomes(follower.told())["delivered"] == 2, "all results are told")
    told = follower.told()
    assert outcomes(told) == {"delivered": 2, "bounced": 1, "blocked": 1, "deferred": 2}
    assert len({key for key, *_ in told}) == len(told)
    assert {(status, enhanced) for _, status, enhanced, _ in told} == {
        ("delivered", "2.0.0"), ("bounced", "5.1.1"), ("blocked", "5.7.1"), ("deferred", "4.7.1"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["good", "bad", "spam"])
async def test_what_becomes_of_mail_that_passed_the_hop_leads_to_its_account_within_seconds(
    postfix: Postfix, tmp_path: Path, kind: str
) -> None:
    """Relay, outbound server and follower together; the submission server told the login by XFORWARD and queue id."""
    text = (
        f'observe = true\nstate.directory = "{tmp_path}"\nnext_hop.servers = ["{HOST}:{postfix.port}"]\n'
        f'[[feedback.logs]]\nsource = "file"\nmta = "postfix"\npath = "{postfix.directory / "log"}"\n'
    )
    sink, config = MemorySink(), parse(text)
    async with house(config, tmp_path, config.next_hop.servers[0]) as place:
        following = Following(config, place.handed_over, sink, b"k" * 32, Metrics("test"), time.time)
        await following.start()
        try:
            async with asyncio.timeout(PATIENCE):
                while not following._followed.position(config.feedback.logs[0].name):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await submit(place, "4AAA", [f"{kind}0@friend.example"])
            async with asyncio.timeout(PATIENCE):
                while not sink.deliveries:  # noqa: ASYNC110 - nobody tells us
                    await asyncio.sleep(0.05)
        finally:
            await following.stop()
    (delivery,) = sink.deliveries
    statuses = {"good": DeliveryStatus.DELIVERED, "bad": DeliveryStatus.BOUNCED, "spam": DeliveryStatus.BLOCKED}
    assert (delivery.account, delivery.status, delivery.first_time) == (ANN, statuses[kind], True)


def test_rotation_and_many_kills_lose_and_double_nothing(
    postfix: Postfix, sink: SmtpSink, follower: FollowerProcess
) -> None:
    draw, log = random.Random(7), postfix.directory / "log"
    sink.answer("RCPT", "slow", "451 4.7.1 Greylisted", 20)
    recipients = [f"{kind}{number}@friend.example" for number in range(20) for kind in ("good", "bad", "slow", "spam")]
    for number in range(8):
        send(postfix, recipients[number * 10 : number * 10 + 10])
        wait_for(lambda: len(follower.told()) > 0, "something is told")
        if draw.random() < 0.7:
            follower.kill()
        wait_for(lambda: drained(postfix), "the queue is empty", every=0.2)
        if number % 3 == 1:
            log.rename(log.with_name(f"log.{number}"))
            reload_logs(postfix)
        if number % 3 == 2:
            shutil.copyfile(log, log.with_name(f"log.{number}"))
            os.truncate(log, 0)
        send(postfix, ["good100@friend.example"])
        follower.kill()
        follower.start()
    wait_for(lambda: drained(postfix), "the queue is empty", every=0.2)
    expected = attempts(postfix)
    wait_for(lambda: len({key for key, *_ in follower.told()}) >= len(expected), "everything is told")
    told = outcomes(follower.told())
    logged = Counter(attempt.outcome for attempt in expected)
    assert told["delivered"] == logged[Outcome.SENT]
    assert told["bounced"] + told["blocked"] == logged[Outcome.BOUNCED]
    assert told["deferred"] == logged[Outcome.DEFERRED] == 20


def drained(postfix: Postfix) -> bool:
    """A reload can make the queue manager overlook a new message until it is told to look at all of them."""
    postfix.flush()
    return not postfix.queue() and not postfix.queue()  # one look can miss what is just moved


def reload_logs(postfix: Postfix) -> None:
    """As `postfix logrotate` does after it has renamed the file: the logging daemon opens a new one."""

    def reloaded() -> bool:
        """The line that tells of it may still go to the old file; then nothing writes to the new one by itself."""
        subprocess.run(
            ["/usr/sbin/postfix", "-c", postfix.directory / "etc", "reload"],
            capture_output=True, check=True, timeout=PATIENCE,
        )  # fmt: skip
        return bool(postfix.log())

    wait_for(reloaded, "Postfix writes to a new log", every=1.0)
