"""Two hosts with two workers each, on a Cluster of three servers and one PostgreSQL: what a message costs everybody.

    python -m tests.bench.cluster                     the figures that deploy/capacity.md reckons with
    python -m tests.bench.cluster --messages 20000    longer, and steadier
    python -m tests.bench.cluster --hosts 1           one host, with its records in SQLite

First some hundred accounts send, each message judged; then one account is a thief's, on many connections at once, until
it is blocked for all of them. What is used while nobody sends is told apart. Senders, hosts and servers share the
processors of this machine, so messages/s say little: go by processor time, operations and octets. The hosts are
processes; between real ones comes the latency of the network.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import valkey
from rich.console import Console
from rich.table import Table

from tests.bench.many import another
from tests.support.detector_process import CHECKOUT, DetectorProcess, Settings
from tests.support.packages import missing
from tests.support.ports import HOST, free_port, greets, wait_for
from tests.support.postgres import OWNER, Postgres
from tests.support.valkey import Cluster, Valkey

SETTINGS: Settings = {
    "identity": [{"source": "envelope-sender"}],
    "judging": {"window_start": 500},
    "relay": {"limits": {"connections_per_client": 1_000}},
}
THIEF = "thief@customer.example"
VICTIMS = 4
"""Recipients of each of the thief's messages; one of them does not exist."""
TICK = os.sysconf("SC_CLK_TCK")
KINDS = ("profile", "r", "w", "c{", "login", "claim")
"""Of keys of the shared state, behind `detector:`."""


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    hosts: int = 2
    workers: int = 2
    accounts: int = 400
    messages: int = 6_000
    connections: int = 100
    idle: int = 10  # seconds


@dataclass(frozen=True)
class Meter:
    """What everybody has used until now: seconds of processors, calls of commands, octets."""

    at: float
    processor: Mapping[str, float]
    calls: Sequence[Counter[str]]
    octets: Sequence[int]
    rows: int
    journal: int


# -- who is measured --


class House:
    """All of it, running."""

    def __init__(self, stack: ExitStack, size: Size) -> None:
        self.size = size
        self.cluster = stack.enter_context(Cluster())
        if size.hosts > 1 and missing("postgresql"):
            sys.exit("several hosts share their records in PostgreSQL, which is not installed; or try --hosts 1")
        self.postgres = stack.enter_context(Postgres()) if size.hosts > 1 else None
        self._database = self.postgres.fresh() if self.postgres else ""
        sink = free_port()
        stack.enter_context(another("sink", sink))
        wait_for(lambda: greets(sink, b"220 "), "the sink answers")
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-")))
        self.hosts = [self._host(stack, directory / f"host{number}", sink) for number in range(size.hosts)]

    def _host(self, stack: ExitStack, directory: Path, sink: int) -> DetectorProcess:
        settings = {**SETTINGS, "workers": self.size.workers, "state": {"url": self.cluster.url}}
        if self.postgres is not None:
            settings["records"] = {"url": f"postgresql+psycopg://{OWNER}@{HOST}:{self.postgres.port}/{self._database}"}
        host = DetectorProcess(directory, sink, settings)
        host.state.mkdir(mode=0o700)
        (host.state / "recipient.key").write_bytes(b"k" * 32)
        return stack.enter_context(host)

    def meter(self) -> Meter:
        firsts = [host.process_id for host in self.hosts]
        workers = [event["process"] for host in self.hosts for event in host.events("worker_ready")]
        infos = [_info(server) for server in self.cluster.servers]
        processor = {
            "workers": sum(map(_used, workers)),
            "first processes": sum(map(_used, firsts)),
            "Valkey": sum(float(info["used_cpu_user"]) + float(info["used_cpu_sys"]) for info in infos),
            "PostgreSQL": self._of_postgres(),
        }
        calls = [_calls(info) for info in infos]
        octets = [int(info["total_net_input_bytes"]) + int(info["total_net_output_bytes"]) for info in infos]
        return Meter(time.perf_counter(), processor, calls, octets, *self._written())

    def _of_postgres(self) -> float:
        if self.postgres is None or self.postgres._process is None:
            return 0.0
        parent = self.postgres._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
        return sum(map(_used, [parent, *map(int, children)]))

    def _written(self) -> tuple[int, int]:
        """Rows, and octets of the journal."""
        if self.postgres is None:
            return 0, 0
        place = f"host={HOST} port={self.postgres.port} user=postgres dbname={self._database}"
        with psycopg.connect(place, autocommit=True) as connection:
            connection.execute("SELECT pg_stat_clear_snapshot()")
            row = connection.execute(
                "SELECT tup_inserted + tup_updated + tup_deleted, pg_current_wal_lsn() - '0/0'::pg_lsn "
                "FROM pg_stat_database WHERE datname = current_database()"
            ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])


def _used(process: int) -> float:
    """Seconds of the processor, with those of children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def _info(server: Valkey) -> dict[str, Any]:
    with valkey.Valkey(host=HOST, port=server.port) as client:
        return dict(client.info("all"))


def _calls(info: Mapping[str, Any]) -> Counter[str]:
    prefix = "cmdstat_"
    return Counter({name[len(prefix) :]: told["calls"] for name, told in info.items() if name.startswith(prefix)})


# -- who sends --


async def steal(ports: Sequence[int], connections: int) -> dict[str, float]:
    """One account, so many connections over all hosts, until each is told that it is blocked."""
    taken, accepted_at, refused_at = 0, [0.0], []

    async def one(number: int) -> None:
        nonlocal taken
        reader, writer = await asyncio.open_connection(HOST, ports[number % len(ports)])

        async def ask(words: bytes) -> bytes:
            writer.write(words)
            while (line := await reader.readuntil(b"\r\n"))[3:4] == b"-":
                pass
            return line

        await ask(b"")
        await ask(b"EHLO pc.example\r\n")
        for message in range(10_000):
            reply = await ask(b"MAIL FROM:<%b>\r\n" % THIEF.encode())
            if reply.startswith(b"450 4.7.1"):
                refused_at.append(time.perf_counter())
                break
            accepted_at[0] = time.perf_counter()
            for victim in range(VICTIMS):
                name = "target" if victim else "nobody"
                await ask(f"RCPT TO:<{name}-{number}-{message}-{victim}@victims.example>\r\n".encode())
            if (await ask(b"DATA\r\n")).startswith(b"354"):
                reply = await ask(b"Subject: offer %d\r\n\r\nbuy %d\r\n.\r\n" % (message, message))
                taken += reply.startswith(b"250")
            await ask(b"RSET\r\n")
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*map(one, range(connections)))
    return {
        "messages": taken,
        "until_first": refused_at[0] - began,
        "until_all": accepted_at[0] - refused_at[0],
        "longest": max(refused_at) - refused_at[0],
    }


def send(house: House, accounts: Sequence[int], first: int) -> None:
    """A message of each, dealt out to the hosts as a balancer would."""
    with ExitStack() as stack:
        running = []
        for number, host in enumerate(house.hosts):
            chosen = host.directory / "accounts"
            chosen.write_text(" ".join(map(str, accounts[number :: len(house.hosts)])), "ascii")
            running.append(stack.enter_context(another("send", host.port, chosen, first + number * 1_000_000)))
        for one in running:
            assert one.wait() == 0


# -- what comes out --


def run(size: Size) -> Iterator[Table]:
    drawn = random.Random(1)
    with ExitStack() as stack:
        house = House(stack, size)
        send(house, range(size.accounts), 0)
        calm = house.meter()
        time.sleep(size.idle)
        before = house.meter()
        send(house, [drawn.randrange(size.accounts) for _ in range(size.messages)], size.accounts)
        after = house.meter()
        title = f"{size.messages:,} messages of {size.accounts} accounts, {size.hosts} x {size.workers} workers"
        yield costs(title, (calm, before, after), size.messages)
        yield balance(before, after, size.messages)
        yield memory(house)
        yield theft(house)
        for host in house.hosts:
            host.stop()


def costs(title: str, meters: tuple[Meter, Meter, Meter], messages: int) -> Table:
    calm, before, after = meters
    seconds, still = after.at - before.at, before.at - calm.at
    table = Table("", "CPU s per 1,000 messages", "CPU s in 1,000 s without mail", title=title)
    for kind, used in after.processor.items():
        idle = (before.processor[kind] - calm.processor[kind]) / still
        each = (used - before.processor[kind] - idle * seconds) / messages
        table.add_row(kind, f"{each * 1_000:.3f}", f"{idle * 1_000:.1f}")
    table.add_row("messages/s, of all", f"{messages / seconds:.0f}", "")
    rows = [(after.rows - before.rows) / messages, (before.rows - calm.rows) / still]
    table.add_row("rows written in PostgreSQL", *(f"{one * 1_000:.1f}" for one in rows))
    return table


def balance(before: Meter, after: Meter, messages: int) -> Table:
    """Commands with those inside of scripts, for they are the server's work."""
    calls = [now - then for then, now in zip(before.calls, after.calls, strict=True)]
    names = [name for name, _ in sum(calls, Counter[str]()).most_common(6)]
    table = Table("of a message", *(f"server {number}" for number in range(1, len(calls) + 1)), "all")
    for name in names:
        each = [one[name] / messages for one in calls]
        table.add_row(name, *(f"{one:.2f}" for one in each), f"{sum(each):.2f}")
    whole = [one.total() / messages for one in calls]
    table.add_row("all commands", *(f"{one:.2f}" for one in whole), f"{sum(whole):.2f}")
    octets = [(now - then) / messages for then, now in zip(before.octets, after.octets, strict=True)]
    table.add_row("octets on the wire", *(f"{one:.0f}" for one in octets), f"{sum(octets):.0f}")
    return table


def memory(house: House) -> Table:
    """Of a sample of each server's keys."""
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    keys = [0] * len(house.cluster.servers)
    for number, server in enumerate(house.cluster.servers):
        with valkey.Valkey(host=HOST, port=server.port) as client:
            for key in client.scan_iter(count=1_000):
                keys[number] += 1
                kind = next((kind for kind in KINDS if key.startswith(b"detector:" + kind.encode())), "")
                if kind and len(found[kind]) < 1_000:
                    found[kind].append(client.memory_usage(key))
    table = Table("keys in the servers", "octets each", title=f"keys by server: {', '.join(map(str, keys))}")
    for kind, sizes in found.items():
        if sizes:
            table.add_row(f"detector:{kind}", f"{sum(sizes) / len(sizes):.0f}")
    return table


def theft(house: House) -> Table:
    command = [sys.executable, "-m", "tests.bench.cluster", "--steal", str(house.size.connections)]
    command += [str(host.port) for host in house.hosts]
    before = house.meter()
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    wait_for(lambda: all(host.metrics()["detector_blocked_accounts"] == 1 for host in house.hosts), "it is blocked")
    after = house.meter()
    attempts = sum(now["getrange"] - then["getrange"] for then, now in zip(before.calls, after.calls, strict=True))
    told_by = [(host.path, one["worker"]) for host in house.hosts for one in host.events("incident_opened")]
    known = sum(value for name, value in house.hosts[0].metrics().items() if name.startswith("detector_incidents{"))
    table = Table("", "", title=f"one hijacked account on {house.size.connections} connections")
    rows = {
        "messages that passed or were held until the block": f"{told['messages']:.0f}",
        "attempts to change its profile": f"{attempts}",
        "workers that decided by themselves": f"{len(set(told_by))}",
        "incidents in the records": f"{known:.0f}",
        "s from the first connection to the first refusal": f"{told['until_first']:.2f}",
        "s from the first refusal to the last MAIL that was taken": f"{max(0.0, told['until_all']):.3f}",
        "s until the last connection was told": f"{told['longest']:.2f}",
        "rows written in PostgreSQL meanwhile": f"{after.rows - before.rows}",
        "KB of its journal": f"{(after.journal - before.journal) / 1e3:.0f}",
    }
    for row in rows.items():
        table.add_row(*row)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in vars(Size()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--steal", type=int, help=argparse.SUPPRESS)
    parser.add_argument("ports", nargs="*", type=int, help=argparse.SUPPRESS)
    asked = vars(parser.parse_args())
    connections, ports = asked.pop("steal"), asked.pop("ports")
    if connections:
        print(json.dumps(asyncio.run(steal(ports, connections))))
        return
    for table in run(Size(**asked)):
        Console(width=110).print(table)


if __name__ == "__main__":
    main()
