"""Hours of mixed load while one thing after the other breaks: memory, descriptors and latency, minute by minute.

    nice python -m tests.bench.soak --minutes 30
    nice python -m tests.bench.soak --minutes 10 --records    with the records in PostgreSQL, which breaks, too

Worker 1 is killed now and then; worker 2 and the first process live through all of it, and theirs are the figures that
must stay flat. At the end the books of mail are compared, as in `kills`.
"""

import argparse
import asyncio
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from tests.bench.kills import (
    BLOCKED,
    PATIENCE,
    QUEUE_ID,
    SETTINGS,
    THIEF,
    all_run,
    answer_to_the_thief_now,
    become_a_thief,
    lost_tasks,
)
from tests.bench.steady import Customers, tell_login
from tests.support.detector_process import DetectorProcess, Settings
from tests.support.open_files import open_files, resident_bytes
from tests.support.ports import HOST
from tests.support.postgres import Postgres
from tests.support.smtp_sink import SmtpSink
from tests.support.valkey import Valkey

FAULT_EVERY = 4.0
"""Seconds, on average."""
OUTAGE = 1.5
RUDE_CLIENTS = 20
ANSWERS = 10
"""To the thief in the end. A worker that had forgotten the block would give half of them; one may be of a worker that
Valkey has told the login too late."""


@dataclass(frozen=True, slots=True)
class Minute:
    """Of the processes that live through it; `took` are seconds of the messages since the one before."""

    resident_mb: Mapping[str, float]
    files: Mapping[str, int]
    accepted: int
    took: tuple[float, float]

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} {size:.1f} MB, {self.files[name]} files" for name, size in self.resident_mb.items())
        median, late = (1000 * seconds for seconds in self.took)
        return f"{sizes}; {self.accepted} accepted, p50 {median:.0f} ms, p99 {late:.0f} ms"


@dataclass(slots=True)
class Report:
    minutes: list[Minute] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Size:
    """Seconds, and messages a second; `every` so many seconds somebody hears the figures."""

    seconds: float
    every: float = 60.0
    rate: float = 20.0


@dataclass(frozen=True, slots=True)
class Servers:
    """Those that break; without `postgres` the records are in a file."""

    valkey: Valkey
    sink: SmtpSink
    postgres: Postgres | None = None


class Soak:
    def __init__(self, detector: DetectorProcess, servers: Servers, dice: random.Random) -> None:
        self.report = Report()
        self._detector, self._dice = detector, dice
        self._valkey, self._sink, self._postgres = servers.valkey, servers.sink, servers.postgres
        self._processes = {"first process": detector.process_id, "worker 2": self._worker(2)}
        self._seen = 0

    async def run(self, size: Size, told: Callable[[Minute], None]) -> None:
        await become_a_thief(self._detector)
        customers = Customers(self._detector.port, self._detector.policy_port, size.rate)
        load = asyncio.create_task(customers.run())
        faults = asyncio.create_task(self._break_things())
        end = time.monotonic() + size.seconds
        while time.monotonic() < end:
            await asyncio.sleep(size.every)
            minute = self._look(customers.books.took)
            self.report.minutes.append(minute)
            told(minute)
        faults.cancel()
        await asyncio.gather(faults, return_exceptions=True)
        await self._mend()
        customers.stop()
        books = await load
        self.report.wrong += books.differences(self._sink.messages)
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(self._all_is_well):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
        # A shared state that starts anew knows no logins: Postfix tells them again with the next message.
        await tell_login(self._detector.policy_port, THIEF, QUEUE_ID)
        answers = [await answer_to_the_thief_now(self._detector) for _ in range(ANSWERS)]
        if sum(answer.startswith(BLOCKED) for answer in answers) < ANSWERS - 1:
            self.report.wrong.append(f"the thief may send: {answers}")

    def _all_is_well(self) -> bool:
        if not all_run(self._detector, SETTINGS["workers"]):
            return False
        return self._detector.metrics()['detector_state_degraded{store="shared"}'] == 0.0

    def _worker(self, number: int) -> int:
        ready = [one for one in self._detector.events("worker_ready") if one["worker"] == number]
        return int(ready[-1]["process"])

    def _look(self, took: list[float]) -> Minute:
        new, self._seen = took[self._seen :], len(took)
        cuts = quantiles(new, n=100) if len(new) > 1 else [0.0] * 99
        return Minute(
            {name: resident_bytes(one) / 1e6 for name, one in self._processes.items()},
            {name: open_files(one) for name, one in self._processes.items()},
            len(new),
            (cuts[49], cuts[98]),
        )

    # -- what breaks --

    async def _break_things(self) -> None:
        faults: list[Callable[[], Awaitable[None]]] = [
            self._kill_worker,
            self._freeze_shared_state,
            self._restart_shared_state,
            self._take_the_next_hop_away,
            self._reload,
            self._slow_clients,
            self._clients_that_leave_within_a_message,
            self._clients_that_talk_nonsense,
        ]
        if self._postgres is not None:
            faults += [self._kill_records, self._restart_records]
        while True:
            await asyncio.sleep(self._dice.expovariate(1.0 / FAULT_EVERY))
            fault = self._dice.choice(faults)
            self.report.faults[fault.__name__.strip("_").replace("_", " ")] += 1
            await fault()

    async def _mend(self) -> None:
        """What a fault that was cut short has left broken."""
        self._valkey.thaw()
        await asyncio.to_thread(self._valkey.start)
        if self._postgres is not None:
            await asyncio.to_thread(self._postgres.start)
        await asyncio.to_thread(self._sink.close)
        await asyncio.to_thread(self._sink.listen)

    async def _kill_worker(self) -> None:
        with suppress(ProcessLookupError):  # it is not back yet
            os.kill(self._worker(1), signal.SIGKILL)

    async def _freeze_shared_state(self) -> None:
        self._valkey.freeze()
        await asyncio.sleep(OUTAGE)
        self._valkey.thaw()

    async def _restart_shared_state(self) -> None:
        await asyncio.to_thread(self._valkey.kill)
        await asyncio.sleep(OUTAGE)
        await asyncio.to_thread(self._valkey.start)

    async def _kill_records(self) -> None:
        assert self._postgres is not None
        await asyncio.to_thread(self._postgres.kill)
        await asyncio.sleep(OUTAGE)
        await asyncio.to_thread(self._postgres.start)

    async def _restart_records(self) -> None:
        assert self._postgres is not None
        await asyncio.to_thread(self._postgres.stop)
        await asyncio.to_thread(self._postgres.start)

    async def _take_the_next_hop_away(self) -> None:
        await asyncio.to_thread(self._sink.close)
        await asyncio.sleep(OUTAGE)
        await asyncio.to_thread(self._sink.listen)

    async def _reload(self) -> None:
        os.kill(self._detector.process_id, signal.SIGHUP)

    async def _slow_clients(self) -> None:
        await self._rude(b"EHLO pc.example\r\nMAIL FROM:<slow@customer.exa", OUTAGE)

    async def _clients_that_leave_within_a_message(self) -> None:
        lines = b"X" * 70 + b"\r\n"
        commands = b"EHLO pc.example\r\nMAIL FROM:<gone@customer.example>\r\nRCPT TO:<p@peer.example>\r\nDATA\r\n"
        await self._rude(commands + b"Subject: half\r\n\r\n" + lines * 30_000, 0.1)

    async def _clients_that_talk_nonsense(self) -> None:
        await self._rude(self._dice.randbytes(5_000) + b"\r\n" * 100, 0.1)

    async def _rude(self, octets: bytes, stay: float) -> None:
        writers = []
        for _ in range(RUDE_CLIENTS):
            with suppress(OSError):
                writers.append((await asyncio.open_connection(HOST, self._detector.port))[1])
                writers[-1].write(octets)
        await asyncio.sleep(stay)
        for writer in writers:
            writer.transport.abort()


def soak(size: Size, seed: int, told: Callable[[Minute], None] = print, records: bool = False) -> Report:
    """`records`: they are in PostgreSQL. `told` hears the figures."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres(durable=True)) if records else None
        servers = Servers(stack.enter_context(Valkey()), stack.enter_context(SmtpSink()), postgres)
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings: Settings = {**SETTINGS, "state": {"url": servers.valkey.url}}
        if postgres is not None:
            settings = {**settings, "records": {"url": postgres.url(postgres.fresh())}}
        detector = stack.enter_context(DetectorProcess(place, servers.sink.port, settings))
        servers.sink.answer("RCPT", "nobody", "550 5.1.1 No such user")
        running = Soak(detector, servers, random.Random(seed))
        asyncio.run(running.run(size, told))
        detector.stop()
        report = running.report
        report.wrong += [str(event)[:2000] for event in detector.events("internal_error")]
        report.wrong += lost_tasks(detector.log())
        return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=20.0, help="messages a second")
    parser.add_argument("--records", action="store_true", help="in PostgreSQL")
    asked = parser.parse_args()
    size = Size(60.0 * asked.minutes, rate=asked.rate)
    report = soak(size, asked.seed, lambda minute: print(minute, flush=True), asked.records)
    print(", ".join(f"{name}: {times}" for name, times in report.faults.most_common()))
    print("\n".join(report.wrong) or "nothing is lost, altered, or there twice without need; blocks were in force")


if __name__ == "__main__":
    main()
