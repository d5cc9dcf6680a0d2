"""SIGKILL at random moments under load: no mail is lost or altered, blocks stay in force, and service is back soon.

    nice -n -5 python -m tests.bench.kills --moments 200        about a quarter of an hour

Three quarters of the deaths are those of two workers on a shared state, who have the policy service, and of the process
that started them, also while it starts; the others are those of a process that does everything alone. Who dies, and
when, is drawn. A first process is started again at once, as a service manager does.
"""

import argparse
import asyncio
import os
import random
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from tests.bench.steady import LOST, Books, Customers, tell_login
from tests.bench.talk import Refused, talk
from tests.support.detector_process import DetectorProcess, Settings
from tests.support.smtp_sink import SmtpSink
from tests.support.valkey import Valkey

THIEF, QUEUE_ID = "thief@customer.example", "ABCDEF0123"
BLOCKED = "450 4.7.1 Sending is suspended"
SETTINGS: Settings = {
    "workers": 2,
    "judging": {"block_score": 4.0, "hold_score": 3.9, "window_start": 500},
    "relay": {"limits": {"stop_time": 5.0}},
}
WORKER, FIRST, STARTING, ALONE = "worker", "first process", "first process that starts", "only process"
FIRST_SHARE = 0.3
"""Of the deaths where there are workers, those of the first process: it is started again, and they go on."""
AGAIN_SHARE = 0.3
"""Of the deaths of the first process, those that are followed by another before it is ready."""
ALONE_SHARE = 0.25
IN_A_ROW = 4
"""Deaths of workers before the first process must die: who dies often is started again after ever longer pauses."""
SLOW_VALKEY = 20.0
"""Seconds that it may take to answer: it does not die here. A login that it tells too late is taken for none, and then
the thief's mail passes as nobody's."""
PATIENCE = 300.0
"""Seconds. Who is not back by then is broken."""


@dataclass(slots=True)
class Deaths:
    """Of one kind. Seconds until a message is accepted, a login is heard, and all that should run does."""

    mail: list[float] = field(default_factory=list)
    logins: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """How soon who was back, how often the block was in force after a death, and what is not as it must be."""

    books: Books = field(default_factory=Books)
    deaths: dict[str, Deaths] = field(default_factory=dict)
    in_force: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def moments(self) -> int:
        return sum(len(deaths.mail) for deaths in self.deaths.values())


def kills(moments: int, seed: int, rate: float = 60.0, told: Callable[[str], None] = lambda _: None) -> Report:
    """Of workers and of their first process. `told` hears of each death."""
    with Valkey() as valkey:
        shared = {"url": valkey.url, "timeout": SLOW_VALKEY}
        return _kills({**SETTINGS, "state": shared}, moments, seed, rate, told)


def kills_alone(moments: int, seed: int, rate: float = 60.0, told: Callable[[str], None] = lambda _: None) -> Report:
    """Of a process that does everything."""
    return _kills({**SETTINGS, "workers": 1}, moments, seed, rate, told)


def _kills(settings: Settings, moments: int, seed: int, rate: float, told: Callable[[str], None]) -> Report:
    with (
        SmtpSink() as sink,
        tempfile.TemporaryDirectory() as place,
        DetectorProcess(Path(place), sink.port, settings) as detector,
    ):
        sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
        report = Report()
        running = Kills(detector, settings["workers"], random.Random(seed), report, told)
        asyncio.run(running.run(moments, rate))
        report.wrong += report.books.differences(sink.messages)
        report.wrong += [str(event)[:2000] for event in detector.events("internal_error")]
        report.wrong += lost_tasks(detector.log())
        return report


@dataclass(slots=True)
class Kills:
    detector: DetectorProcess
    workers: int
    dice: random.Random
    report: Report
    told: Callable[[str], None]

    async def run(self, moments: int, rate: float) -> None:
        await become_a_thief(self.detector)
        customers = Customers(self.detector.port, self.detector.policy_port, rate)
        load = asyncio.create_task(customers.run())
        in_a_row = 0
        while self.report.moments < moments:
            await asyncio.sleep(self.dice.uniform(0.0, 1.0))
            if self.workers == 1:
                await self._first(ALONE)
            elif in_a_row >= IN_A_ROW or self.dice.random() < FIRST_SHARE:
                in_a_row = 0
                await self._first(FIRST)
            else:
                in_a_row += 1
                killed = time.monotonic()
                with suppress(ProcessLookupError):  # it has died already
                    os.kill(self.dice.choice(taking_mail(self.detector)), signal.SIGKILL)
                await self._back(WORKER, killed)
                await self._whole(WORKER, killed)
        customers.stop()
        self.report.books = await load

    async def _first(self, who: str) -> None:
        killed = time.monotonic()
        self.detector.kill()
        starting = asyncio.create_task(asyncio.to_thread(start_again, self.detector))
        await self._back(who, killed)
        if who == FIRST and self.dice.random() < AGAIN_SHARE:
            await asyncio.wait([starting], timeout=self.dice.uniform(0.0, 1.0))
            if not starting.done():
                who, killed = STARTING, time.monotonic()
                os.kill(self.detector.process_id, signal.SIGKILL)
                await self._back(who, killed)
        await starting
        await self._whole(who, killed)

    async def _back(self, who: str, killed: float) -> None:
        """Wait until a message is accepted and a login heard."""
        deaths = self.report.deaths.setdefault(who, Deaths())
        async with asyncio.timeout(PATIENCE):
            mail, login = await asyncio.gather(
                seconds_until(lambda: send(self.detector), killed),
                seconds_until(lambda: tell_login(self.detector.policy_port, "probe", "PROBE"), killed),
            )
            deaths.mail.append(mail)
            deaths.logins.append(login)
            if (answer := await answer_to_the_thief_now(self.detector)).startswith(BLOCKED):
                self.report.in_force += 1
            else:
                lines = [str(event)[:300] for event in self.detector.events() if event["level"] != "info"][-5:]
                self.report.wrong.append(f"after death {self.report.moments}, of the {who}: {answer}; {lines}")

    async def _whole(self, who: str, killed: float) -> None:
        """Wait until all is well again."""
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(all_run, self.detector, self.workers):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
        deaths = self.report.deaths[who]
        deaths.whole.append(time.monotonic() - killed)
        words = f"mail after {deaths.mail[-1]:.2f} s, logins {deaths.logins[-1]:.2f} s, all {deaths.whole[-1]:.2f} s"
        self.told(f"{self.report.moments} {who}: {words}")


def lost_tasks(text: str) -> list[str]:
    """Lines of a log in which the event loop says that it has lost something."""
    return [line for line in text.splitlines() if "was destroyed" in line or "never awaited" in line]


async def become_a_thief(detector: DetectorProcess) -> None:
    """To strangers of whom half do not exist, until it is noticed."""
    refused: list[str] = []
    await tell_login(detector.policy_port, THIEF, QUEUE_ID)
    connection = await talk(detector.port)
    for number in range(50):
        await connection.say(b"XFORWARD IDENT=%b%d\r\n" % (QUEUE_ID.encode(), number), b"250")
        await tell_login(detector.policy_port, THIEF, f"{QUEUE_ID}{number}")
        try:
            await connection.say(b"MAIL FROM:<%b>\r\n" % THIEF.encode(), b"250")
        except Refused as error:
            refused.append(str(error))
            if BLOCKED in str(error):
                break
            continue  # a busy machine
        for one in range(10):
            name = "nobody" if one % 2 else "target"
            await connection.say(b"RCPT TO:<%b-%d-%d@victims.example>\r\n" % (name.encode(), number, one), b"")
        try:
            await connection.say(b"DATA\r\n", b"354")
            await connection.say(b"Subject: offer %d\r\n\r\nbuy %d\r\n.\r\n" % (number, number), b"")
        except Refused as error:
            refused.append(str(error))
            await connection.say(b"RSET\r\n", b"250")
    connection.leave()
    for _ in range(300):
        if all([await blocked(detector) for _ in range(10)]):  # by the other worker, too
            return
        await asyncio.sleep(0.1)
    verdicts = [f"{event['action']} {event['score']}" for event in detector.events("verdict")]
    raise RuntimeError(f"the thief is never recognised: {refused}, {verdicts}\n{detector.log()[-3000:]}")


async def blocked(detector: DetectorProcess) -> bool:
    return (await answer_to_the_thief(detector)).startswith(BLOCKED)


async def answer_to_the_thief(detector: DetectorProcess) -> str:
    """Raises `OSError` or `Refused` where it is not the thief who is refused, but all who come."""
    connection = await talk(detector.port)
    try:
        await connection.say(b"XFORWARD IDENT=%b\r\n" % QUEUE_ID.encode(), b"250")
        return (await connection.say(b"MAIL FROM:<%b>\r\n" % THIEF.encode(), b"")).decode()
    finally:
        connection.leave()


async def answer_to_the_thief_now(detector: DetectorProcess) -> str:
    """Of whoever takes mail, once somebody does."""
    while True:
        try:
            async with asyncio.timeout(5.0):
                answer = await answer_to_the_thief(detector)
                if not answer.startswith("421"):  # it ends, and another is there
                    return answer
        except LOST:
            await asyncio.sleep(0.01)


async def seconds_until(done: Callable[[], Awaitable[None]], since: float) -> float:
    while True:
        try:
            async with asyncio.timeout(5.0):
                await done()
                return time.monotonic() - since
        except LOST:
            await asyncio.sleep(0.01)


async def send(detector: DetectorProcess) -> None:
    connection = await talk(detector.port)
    try:
        await connection.send(b"probe@customer.example", [b"p@peer.example"], b"Subject: probe\r\n\r\n.\r\n")
    finally:
        connection.leave()


def start_again(detector: DetectorProcess) -> None:
    """A machine that is busy with other things may take longer than a start is given."""
    while True:
        with suppress(TimeoutError, RuntimeError):  # or it has died while it started
            detector.start()
            return


def taking_mail(detector: DetectorProcess) -> Sequence[int]:
    """The processes that take mail; what is logged last holds."""
    return list({event["worker"]: event["process"] for event in detector.events("worker_ready")}.values())


def all_run(detector: DetectorProcess, workers: int) -> bool:
    """What the metric says may be of before a death that nobody has noticed yet."""
    try:
        return detector.metrics()["detector_workers"] == workers and all(map(_runs, taking_mail(detector)))
    except OSError:
        return False


def _runs(process_id: int) -> bool:
    stat = Path(f"/proc/{process_id}/stat").read_text("ascii", "replace")
    return stat.rpartition(") ")[2][0] not in "ZX"


def table(reports: Sequence[Report]) -> str:
    """What was found, as a page for people."""
    lines = [f"{'who dies':<28}{'deaths':>7}{'mail passes, s':>22}{'logins heard, s':>22}{'all run, s':>22}"]
    lines += [f"{'':<35}" + f"{'p50 / p99 / most':>22}" * 3]
    for who, deaths in [one for report in reports for one in sorted(report.deaths.items(), reverse=True)]:
        times = (deaths.mail, deaths.logins, deaths.whole)
        lines.append(f"{who:<28}{len(deaths.mail):>7}" + "".join(f"{spread(took):>22}" for took in times))
    books, wrong = [report.books for report in reports], [one for report in reports for one in report.wrong]
    uncertain, twice = (sum(numbers) for numbers in ([b.uncertain.total() for b in books], [b.twice for b in books]))
    needless = sum(one.endswith("were lost") for one in wrong)
    moments = sum(report.moments for report in reports)
    return "\n".join(
        [
            *lines,
            f"messages accepted {sum(len(b.digests) for b in books)}, lost {sum('is lost' in one for one in wrong)}, "
            f"altered {sum('is altered' in one for one in wrong)}",
            f"came more than once {twice}, without a lost final reply {needless}; final replies lost {uncertain}",
            f"connections lost {sum(b.lost_connections for b in books)}",
            *(f"refused {times} times: {words}" for b in books for words, times in b.refusals.items()),
            f"the block was in force after {sum(report.in_force for report in reports)} of {moments} deaths",
            *wrong,
        ]
    )


def spread(took: Sequence[float]) -> str:
    if len(took) < 2:
        return " / ".join(f"{one:.2f}" for one in took)
    cuts = quantiles(took, n=100, method="inclusive")
    return f"{cuts[49]:.2f} / {cuts[98]:.2f} / {max(took):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alone", type=float, default=ALONE_SHARE, help="share of the deaths without workers")
    asked = parser.parse_args()
    alone = round(asked.moments * asked.alone)

    def tell(words: str) -> None:
        print(f"{words} (load {os.getloadavg()[0]:.1f})", flush=True)

    shares = ((kills, asked.moments - alone), (kills_alone, alone))
    print(table([kill(number, asked.seed, told=tell) for kill, number in shares if number]))


if __name__ == "__main__":
    main()
