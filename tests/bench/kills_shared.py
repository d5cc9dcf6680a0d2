"""Two hosts with two workers each on one Valkey and one PostgreSQL; processes and servers die at random moments.

    nice -n -5 python -m tests.bench.kills_shared --moments 48        about a quarter of an hour

Customers write through both hosts and are told apart by the login that the *other* host was told of. Meanwhile one
account after the other is hijacked. Patience is what an installation has by default. At the end the books of mail are
compared, as in `kills`, and with them the incidents: one for each thief, each password changed once.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from detector.incident.incident import State
from detector.records.records import Records
from tests.bench.kills import (
    BLOCKED,
    PATIENCE,
    SETTINGS,
    all_run,
    lost_tasks,
    seconds_until,
    send,
    spread,
    start_again,
    taking_mail,
)
from tests.bench.steady import LOST, Books, Customers, tell_login
from tests.bench.talk import talk
from tests.support.detector_process import DetectorProcess, Settings, merged
from tests.support.ports import wait_for
from tests.support.postgres import Postgres
from tests.support.smtp_sink import SmtpSink
from tests.support.valkey import Valkey

HOSTS = 2
APPEND = "import json, sys; open(sys.argv[1], 'a').write(json.load(sys.stdin)['request_id'] + '\\n')"
BY_DEFAULT: Settings = {"patience": 0.2, "state": {"timeout": 0.2}}
"""On a machine that is busy with other things these pass before anybody is judged; `--patient` has 10 and 2 s."""
OUTAGE = (0.5, 4.0)
"""Seconds that a server is away."""
ENOUGH = 3
"""Questions to each host whether a thief may send: the kernel deals out its connections to the workers by chance."""

Act = Callable[["Kills"], Coroutine[None, None, None]]


class House:
    """All of it, running."""

    def __init__(self, stack: ExitStack, settings: Settings) -> None:
        self.valkey = stack.enter_context(Valkey(["--appendonly", "yes"]))
        self.postgres = stack.enter_context(Postgres(durable=True))
        self.url = self.postgres.url(self.postgres.fresh())
        self.place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.sinks = [stack.enter_context(SmtpSink()) for _ in range(HOSTS)]
        command = [sys.executable, "-c", APPEND, str(self.place / "passwords")]
        own: Settings = {
            "state": {"url": self.valkey.url},
            "records": {"url": self.url},
            "response": {"password_changes_per_hour": 10_000, "password": {"provider": "command", "argv": command}},
        }
        self.settings = merged(merged(SETTINGS, own), settings)
        self.hosts = [self._host(stack, number) for number in range(HOSTS)]

    def _host(self, stack: ExitStack, number: int) -> DetectorProcess:
        host = DetectorProcess(self.place / f"host{number}", self.sinks[number].port, self.settings)
        host.state.mkdir(mode=0o700)
        (host.state / "recipient.key").write_bytes(b"k" * 32)
        self.sinks[number].answer("RCPT", "nobody", "550 5.1.1 No such user")
        return stack.enter_context(host)

    def passwords(self) -> Counter[str]:
        """How often each incident's change was asked for."""
        path = self.place / "passwords"
        return Counter(path.read_text("utf-8").splitlines() if path.exists() else [])

    def whole(self) -> bool:
        """Everybody runs, and no store is away."""
        return all(all_run(host, self.settings["workers"]) and not _degraded(host) for host in self.hosts)


@dataclass(slots=True)
class Deaths:
    """Of one kind. Seconds until mail passes on all hosts, logins are heard, all is well; and what mail took then."""

    mail: list[float] = field(default_factory=list)
    logins: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    books: list[Books] = field(default_factory=list)
    deaths: dict[str, Deaths] = field(default_factory=dict)
    in_force: int = 0
    thieves: dict[str, float] = field(default_factory=dict)
    """Seconds from a thief's first refusal until all hosts refuse him."""
    passed: Counter[str] = field(default_factory=Counter)
    """Messages of each thief that passed before."""
    unjudged: int = 0
    """Questions that a server did not answer in time; such mail goes by `when_broken`, that of thieves too."""
    wrong: list[str] = field(default_factory=list)
    logs: str = ""

    @property
    def moments(self) -> int:
        return sum(len(deaths.mail) for deaths in self.deaths.values())


@dataclass(slots=True)
class Kills:
    house: House
    dice: random.Random
    report: Report
    told: Callable[[str], None]
    _customers: list[Customers] = field(default_factory=list)
    _stopped: bool = False

    async def run(self, moments: int, rate: float) -> None:
        hosts = self.house.hosts
        for host, other in zip(hosts, reversed(hosts), strict=True):
            self._customers.append(Customers(host.port, other.policy_port, rate / len(hosts)))
        self.report.books = [one.books for one in self._customers]
        load = [asyncio.create_task(one.run()) for one in self._customers]
        await self._become_a_thief(0)
        stealing = asyncio.create_task(self._steal())
        kinds: list[str] = []
        while self.report.moments < moments:
            kinds = kinds or self.dice.sample(sorted(ACTS), len(ACTS))
            await asyncio.sleep(self.dice.uniform(0.0, 1.0))
            await self._moment(kinds.pop())
        self._stopped = True
        await stealing
        self.told("the last thief is refused by all hosts")
        await self._settle()
        self.told("all is contained")
        for one in self._customers:
            one.stop()
        await asyncio.gather(*load)

    async def _moment(self, kind: str) -> None:
        began, seen = time.monotonic(), [len(one.books.took) for one in self._customers]
        deaths = self.report.deaths.setdefault(kind, Deaths())
        act = asyncio.create_task(ACTS[kind](self))
        await asyncio.sleep(0.01)  # it begins with the death
        await self._back(kind, deaths, began)
        await act
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(self.house.whole):  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.2)
        deaths.whole.append(time.monotonic() - began)
        for one, before in zip(self._customers, seen, strict=True):
            deaths.took += one.books.took[before:]
        words = f"mail after {deaths.mail[-1]:.2f} s, logins {deaths.logins[-1]:.2f} s, all {deaths.whole[-1]:.2f} s"
        self.told(f"{self.report.moments} {kind}: {words}")

    async def _back(self, kind: str, deaths: Deaths, began: float) -> None:
        async with asyncio.timeout(PATIENCE):
            hosts = self.house.hosts
            mail = [seconds_until(lambda host=host: send(host), began) for host in hosts]  # type: ignore[misc]
            logins = [
                seconds_until(lambda host=host: tell_login(host.policy_port, "probe", "PROBE"), began)  # type: ignore[misc]
                for host in hosts
            ]
            deaths.mail.append(max(await asyncio.gather(*mail)))
            deaths.logins.append(max(await asyncio.gather(*logins)))
            answers = [(host, await answer(host, "thief0")) for host in hosts for _ in range(ENOUGH)]
        passing = [(host, said) for host, said in answers if not said.startswith(BLOCKED)]
        self.report.in_force += not passing
        for host, said in passing:
            words = f"after death {self.report.moments}, of the {kind}: {said}; {_last_problems(host)}"
            self.report.wrong.append(words)

    # -- thieves --

    async def _steal(self) -> None:
        """One account after the other, whatever dies meanwhile."""
        number = 1
        while not self._stopped:
            async with asyncio.timeout(PATIENCE):
                await self._become_a_thief(number)
            number += 1
            await asyncio.sleep(self.dice.uniform(2.0, 6.0))

    async def _become_a_thief(self, number: int) -> None:
        """On one host, to strangers of whom half do not exist, until all hosts refuse him."""
        thief, host = f"thief{number}", self.dice.choice(self.house.hosts)
        for message in range(10_000):
            try:
                async with asyncio.timeout(5.0):
                    passed = await offer(host, thief, message)
            except LOST:
                await asyncio.sleep(0.05)
                continue
            if passed is None:
                break
            self.report.passed[thief] += passed
        refused = time.monotonic()
        for each in self.house.hosts:
            while not all([(await answer(each, thief)).startswith(BLOCKED) for _ in range(ENOUGH)]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        self.report.thieves[thief] = time.monotonic() - refused

    async def _settle(self) -> None:
        """Every thief is refused everywhere; there is one incident for each, and it is contained."""
        for thief in self.report.thieves:
            for host in self.house.hosts:
                if not (said := await answer(host, thief)).startswith(BLOCKED):
                    self.report.wrong.append(f"in the end {thief} hears {said}; {_last_problems(host)}")
        self.report.wrong += await asyncio.to_thread(self._incidents)

    def _incidents(self) -> list[str]:
        records, wrong = Records(self.house.url), list[str]()

        def contained() -> bool:
            return all(one.state is not State.OPEN for one in records.incidents(limit=1_000))

        with suppress(TimeoutError):
            wait_for(contained, "all are contained")
        incidents = records.incidents(limit=1_000)
        each = Counter(one.account.partition("@")[0] for one in incidents)
        wrong += [f"{thief} has {each[thief]} incidents" for thief in self.report.thieves if each[thief] != 1]
        wrong += [f"{one.account} is {one.state}" for one in incidents if one.state is State.OPEN]
        wrong += [f"{account} is no thief" for account in each.keys() - self.report.thieves.keys()]
        asked = self.house.passwords()
        due = {f"{one.incident_id}.change_password" for one in incidents}
        wrong += [f"{one} was asked for {asked[one]} times" for one in due | set(asked) if asked[one] != 1]
        records.close()
        return wrong

    # -- who dies --

    def _any_host(self) -> DetectorProcess:
        return self.dice.choice(self.house.hosts)

    def _any_outage(self) -> float:
        return self.dice.uniform(*OUTAGE)

    async def worker(self) -> None:
        with suppress(ProcessLookupError):  # it has died already
            os.kill(self.dice.choice(taking_mail(self._any_host())), signal.SIGKILL)

    async def first(self) -> None:
        host = self._any_host()
        host.kill()
        await asyncio.to_thread(start_again, host)

    async def shared_state(self) -> None:
        await asyncio.to_thread(self.house.valkey.kill)
        await asyncio.sleep(self._any_outage())
        await asyncio.to_thread(self.house.valkey.start)

    async def records(self) -> None:
        await asyncio.to_thread(self.house.postgres.kill)
        await asyncio.sleep(self._any_outage())
        await asyncio.to_thread(self.house.postgres.start)

    async def records_restarted(self) -> None:
        await asyncio.to_thread(self.house.postgres.stop)
        await asyncio.to_thread(self.house.postgres.start)

    async def both(self) -> None:
        await asyncio.gather(self.shared_state(), self.records())

    async def worker_meanwhile(self) -> None:
        await asyncio.gather(self.both(), self.worker())

    async def first_meanwhile(self) -> None:
        await asyncio.gather(self.both(), self.first())


ACTS: dict[str, Act] = {
    "worker": Kills.worker,
    "first process": Kills.first,
    "Valkey": Kills.shared_state,
    "PostgreSQL": Kills.records,
    "PostgreSQL, restarted in order": Kills.records_restarted,
    "Valkey and PostgreSQL": Kills.both,
    "both and a worker": Kills.worker_meanwhile,
    "both and a first process": Kills.first_meanwhile,
}


async def offer(host: DetectorProcess, thief: str, number: int) -> bool | None:
    """One message to ten strangers; whether it passed, None if he is blocked. Raises as `talk`."""
    queue_id = f"{thief}N{number}"
    await tell_login(host.policy_port, f"{thief}@customer.example", queue_id)
    connection = await talk(host.port)
    try:
        await connection.say(b"XFORWARD IDENT=%b\r\n" % queue_id.encode(), b"250")
        said = await connection.say(b"MAIL FROM:<%b@customer.example>\r\n" % thief.encode(), b"")
        if said.startswith(BLOCKED.encode()):
            return None
        for one in range(10):
            name = "nobody" if one % 2 else "target"
            await connection.say(f"RCPT TO:<{name}-{queue_id}-{one}@victims.example>\r\n".encode(), b"")
        await connection.say(b"DATA\r\n", b"354")
        said = await connection.say(b"Subject: offer %d\r\n\r\nbuy %d\r\n.\r\n" % (number, number), b"")
        return said.startswith(b"250")
    finally:
        connection.leave()


async def answer(host: DetectorProcess, thief: str) -> str:
    """To his MAIL, or to his message, as soon as anybody there answers; Postfix tells his login with each message."""
    while True:
        try:
            async with asyncio.timeout(5.0):
                await tell_login(host.policy_port, f"{thief}@customer.example", f"{thief}AGAIN")
                connection = await talk(host.port)
                try:
                    await connection.say(b"XFORWARD IDENT=%bAGAIN\r\n" % thief.encode(), b"250")
                    said = await connection.say(b"MAIL FROM:<%b@customer.example>\r\n" % thief.encode(), b"")
                    if said.startswith(b"250"):  # whose it is was told too late for MAIL
                        said = await connection.say(b"RCPT TO:<target@victims.example>\r\n", b"")
                    if said.startswith(b"250"):
                        await connection.say(b"DATA\r\n", b"354")
                        said = await connection.say(b"Subject: offer\r\n\r\nbuy\r\n.\r\n", b"")
                finally:
                    connection.leave()
                if not said.startswith(b"421"):  # it ends, and another is there
                    return said.decode()
        except LOST:
            await asyncio.sleep(0.01)


def _last_problems(host: DetectorProcess) -> list[str]:
    return [str(event)[:300] for event in host.events() if event["level"] != "info"][-5:]


def _degraded(host: DetectorProcess) -> list[str]:
    return [name for name, value in host.metrics().items() if name.startswith("detector_state_degraded{") and value]


def kills(
    moments: int, seed: int, rate: float, settings: Settings = BY_DEFAULT, told: Callable[[str], None] = lambda _: None
) -> Report:
    """`settings` are laid over those of `kills`. `told` hears of each death."""
    report = Report()
    with ExitStack() as stack:
        house = House(stack, settings)
        asyncio.run(Kills(house, random.Random(seed), report, told).run(moments, rate))
        report.unjudged = sum(len(host.events("not_judged")) for host in house.hosts)
        for books, sink, host in zip(report.books, house.sinks, house.hosts, strict=True):
            report.wrong += books.differences(sink.messages)
            report.wrong += [str(event)[:2000] for event in host.events("internal_error")]
            report.wrong += lost_tasks(host.log())
            host.stop()
        if report.wrong:
            report.logs = "".join(host.log() for host in house.hosts)
    return report


def table(report: Report) -> str:
    """What was found, as a page for people."""
    columns = ("mail passes, s", "logins heard, s", "all well, s", "a message took, s")
    lines = [f"{'who dies':<32}{'deaths':>7}" + "".join(f"{column:>22}" for column in columns)]
    lines.append(f"{'':<39}" + f"{'p50 / p99 / most':>22}" * len(columns))
    for who, deaths in sorted(report.deaths.items()):
        times: Sequence[Sequence[float]] = (deaths.mail, deaths.logins, deaths.whole, deaths.took)
        lines.append(f"{who:<32}{len(deaths.mail):>7}" + "".join(f"{spread(took):>22}" for took in times))
    books, wrong = report.books, report.wrong
    return "\n".join(
        [
            *lines,
            f"messages accepted {sum(len(one.digests) for one in books)}, "
            f"lost {sum('is lost' in one for one in wrong)}, altered {sum('is altered' in one for one in wrong)}",
            f"came more than once {sum(one.twice for one in books)}, without a lost final reply "
            f"{sum(one.endswith('were lost') for one in wrong)}",
            f"connections lost {sum(one.lost_connections for one in books)}, not judged in time {report.unjudged}",
            *(f"refused {times} times: {words}" for one in books for words, times in one.refusals.items()),
            f"the block was in force on all hosts after {report.in_force} of {report.moments} deaths",
            f"{len(report.thieves)} thieves, all hosts refuse one after {spread(list(report.thieves.values()))} s; "
            f"{spread([float(report.passed[one]) for one in report.thieves])} of his messages passed before",
            *wrong,
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=48)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=40.0, help="messages a second, of both hosts")
    parser.add_argument("--patient", action="store_true", help="as tests are: what a busy machine cannot answer waits")
    parser.add_argument("--logs", type=Path, help="file for the logs of both hosts, if something is wrong")
    asked = parser.parse_args()

    def tell(words: str) -> None:
        print(f"{words} (load {os.getloadavg()[0]:.1f})", flush=True)

    settings = {} if asked.patient else BY_DEFAULT
    report = kills(asked.moments, asked.seed, asked.rate, settings, tell)
    print(table(report))
    if asked.logs and report.logs:
        asked.logs.write_text(report.logs, "utf-8")


if __name__ == "__main__":
    main()
