"""SIGKILL at random moments under load: no mail is lost or altered, blocks stay in force, and service is back soon.

    python -m tests.bench.kills --moments 200        about a quarter of an hour

Two workers, and the process that started them, which has the policy service, on a shared state: who dies, and when,
is drawn. The first process is started again at once, as a service manager does.
"""

import argparse
import asyncio
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from tests.bench.steady import LOST, Books, Customers, tell_login
from tests.bench.talk import Refused, talk
from tests.support.detector_process import DetectorProcess, Settings
from tests.support.ports import wait_for
from tests.support.smtp_sink import SmtpSink
from tests.support.valkey import Valkey

THIEF, QUEUE_ID = "thief@customer.example", "ABCDEF0123"
SETTINGS: Settings = {
    "workers": 2,
    "judging": {"block_score": 4.0, "hold_score": 3.9, "window_start": 500},
    "relay": {"limits": {"stop_time": 5.0}},
}
FIRST_SHARE = 0.3
"""Of the deaths, those of the first process: all others die with it."""
IN_A_ROW = 4
"""Deaths of workers before the first process must die: who dies often is started again after ever longer pauses."""


@dataclass(slots=True)
class Report:
    """Seconds until a message is accepted again, and what is not as it must be."""

    books: Books = field(default_factory=Books)
    back: dict[str, list[float]] = field(default_factory=lambda: {"worker": [], "first process": []})
    wrong: list[str] = field(default_factory=list)


def kills(moments: int, seed: int, rate: float = 60.0, told: Callable[[str], None] = lambda _: None) -> Report:
    """`told` hears of each death."""
    with (
        Valkey() as valkey,
        SmtpSink() as sink,
        tempfile.TemporaryDirectory() as place,
        DetectorProcess(Path(place), sink.port, {**SETTINGS, "state": {"url": valkey.url}}) as detector,
    ):
        sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
        report = asyncio.run(_under_load(detector, moments, random.Random(seed), rate, told))
        report.wrong += report.books.differences(sink.messages)
        report.wrong += [str(event) for event in detector.events("internal_error")]
        report.wrong += lost_tasks(detector.log())
        return report


async def _under_load(
    detector: DetectorProcess, moments: int, dice: random.Random, rate: float, told: Callable[[str], None]
) -> Report:
    report = Report()
    await become_a_thief(detector)
    customers = Customers(detector.port, detector.policy_port, rate)
    load = asyncio.create_task(customers.run())
    in_a_row = 0
    for moment in range(moments):
        await asyncio.sleep(dice.uniform(0.0, 1.0))
        starting: asyncio.Future[None] | None = None
        who = "first process" if in_a_row >= IN_A_ROW or dice.random() < FIRST_SHARE else "worker"
        in_a_row = in_a_row + 1 if who == "worker" else 0
        killed = time.monotonic()
        if who == "worker":
            with suppress(ProcessLookupError):  # it has died already
                os.kill(dice.choice(_workers(detector)), signal.SIGKILL)
        else:
            detector.kill()
            starting = asyncio.create_task(asyncio.to_thread(_start_again, detector))
        async with asyncio.timeout(300.0):  # who is not back by then is broken
            report.back[who].append(await _seconds_until_mail_passes(detector, killed))
        if starting is not None:
            await starting
        await asyncio.to_thread(wait_for, lambda: _whole(detector), "both workers are back", 60.0)
        told(f"{moment + 1} {who}: mail passes after {report.back[who][-1]:.2f} s")
        if not await blocked(detector):
            report.wrong.append(f"after death {moment}, of the {who}, the thief may send")
    customers.stop()
    report.books = await load
    return report


def lost_tasks(text: str) -> list[str]:
    """Lines of a log in which the event loop says that it has lost something."""
    return [line for line in text.splitlines() if "was destroyed" in line or "never awaited" in line]


async def become_a_thief(detector: DetectorProcess) -> None:
    """To strangers of whom half do not exist, until it is noticed."""
    await tell_login(detector.policy_port, THIEF, QUEUE_ID)
    connection = await talk(detector.port)
    for number in range(50):
        await connection.say(b"XFORWARD IDENT=%b%d\r\n" % (QUEUE_ID.encode(), number), b"250")
        await tell_login(detector.policy_port, THIEF, f"{QUEUE_ID}{number}")
        try:
            await connection.say(b"MAIL FROM:<%b>\r\n" % THIEF.encode(), b"250")
        except Refused:
            break
        for one in range(10):
            name = "nobody" if one % 2 else "target"
            await connection.say(b"RCPT TO:<%b-%d-%d@victims.example>\r\n" % (name.encode(), number, one), b"")
        try:
            await connection.say(b"DATA\r\n", b"354")
            await connection.say(b"Subject: offer %d\r\n\r\nbuy %d\r\n.\r\n" % (number, number), b"")
        except Refused:
            await connection.say(b"RSET\r\n", b"250")
    connection.leave()
    for _ in range(300):
        if all([await blocked(detector) for _ in range(10)]):  # by the other worker, too
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the thief is never recognised")


async def blocked(detector: DetectorProcess) -> bool:
    connection = await talk(detector.port)
    try:
        await connection.say(b"XFORWARD IDENT=%b\r\n" % QUEUE_ID.encode(), b"250")
        await connection.say(b"MAIL FROM:<%b>\r\n" % THIEF.encode(), b"450 4.7.1")
    except Refused:
        return False
    finally:
        connection.leave()
    return True


async def _seconds_until_mail_passes(detector: DetectorProcess, since: float) -> float:
    while True:
        try:
            async with asyncio.timeout(5.0):
                connection = await talk(detector.port)
                try:
                    await connection.send(
                        b"probe@customer.example", [b"p@peer.example"], b"Subject: probe\r\n\r\n.\r\n"
                    )
                finally:
                    connection.leave()
                return time.monotonic() - since
        except LOST:
            await asyncio.sleep(0.01)


def _start_again(detector: DetectorProcess) -> None:
    """A machine that is busy with other things may take longer than a start is given."""
    while True:
        with suppress(TimeoutError):
            detector.start()
            return


def _workers(detector: DetectorProcess) -> Sequence[int]:
    """The processes that take mail; what is logged last holds."""
    return list({event["worker"]: event["process"] for event in detector.events("worker_ready")}.values())


def _whole(detector: DetectorProcess) -> bool:
    try:
        return detector.metrics()["detector_workers"] == 2
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    report = kills(asked.moments, asked.seed, told=lambda words: print(words, flush=True))
    books = report.books
    print(f"accepted {len(books.digests)}, connections lost {books.lost_connections}")
    print(f"last replies lost {books.uncertain.total()}")
    for words, times in books.refusals.items():
        print(f"refused {times} times: {words}")
    for who, took in report.back.items():
        if len(took) > 1:
            cuts = quantiles(took, n=100)
            print(f"{who}: {len(took)} deaths, back in p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, {max(took):.2f} s")
    print("\n".join(report.wrong) or "nothing is lost, altered, or there twice without need; blocks were in force")


if __name__ == "__main__":
    main()
