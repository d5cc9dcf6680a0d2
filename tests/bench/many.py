"""What workers and a million accounts cost: processor and memory of the real server, on real sockets.

    python -m tests.bench.many speed     one process, one with Valkey, two workers with Valkey: messages/s, processor
    python -m tests.bench.many growth    1,000,000 known accounts against 1,000: processor, memory, octets an account

Everything is judged; the next hop and the senders are processes of their own. Compare rows of one run only, and believe
processor time more than messages/s: the senders want processors, too.
"""

import argparse
import asyncio
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from detector.mail.transaction import RecipientStatus
from detector.models import load_prior
from detector.state.table import SCHEMA, octets
from detector.traffic.packing import pack
from detector.traffic.profile import Profile
from detector.verdict.admit import settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from tests.histories import transaction
from tests.support.detector_process import CHECKOUT, DetectorProcess, Settings, merged
from tests.support.ports import HOST, free_port, greets, wait_for
from tests.support.valkey import Valkey

SESSIONS = 20
WARM_UP = 1_000
DAY = 86_400.0
TEMPLATES = 200
PAST_DAYS = 60
TURNS = 6
WORDS = Path(__file__).read_text("utf-8").split()
OBSERVED: Settings = {"identity": [{"source": "envelope-sender"}], "observe": True}


@dataclass(frozen=True)
class Cost:
    """Of so many messages: seconds on the clock, and seconds of the processor."""

    messages: int
    seconds: float
    detector: float
    valkey: float
    memory_bytes: float


# -- the ends of the road, each a process --


async def sink(port: int) -> None:
    """Takes everything but mail for nobody."""

    class Sink(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport, self.buffer, self.body = transport, b"", False
            transport.write(b"220 sink\r\n")

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            while True:
                end = b"\r\n.\r\n" if self.body else b"\r\n"
                line, found, rest = self.buffer.partition(end)
                if not found:
                    return
                self.buffer = rest
                self.transport.write(self.answer(line))

        def answer(self, line: bytes) -> bytes:
            verb, was_body = line[:4].upper(), self.body
            self.body = not was_body and verb == b"DATA"
            if self.body:
                return b"354 go on\r\n"
            if b"<nobody" in line and verb == b"RCPT":
                return b"550 5.1.1 No such user\r\n"
            return b"250-sink\r\n250 PIPELINING\r\n" if not was_body and verb == b"EHLO" else b"250 2.0.0 Ok\r\n"

    server = await asyncio.get_running_loop().create_server(Sink, HOST, port)
    await server.serve_forever()


async def send(port: int, accounts: Sequence[int], first: int) -> None:
    """One message of each of these accounts, over kept sessions."""
    waiting = list(enumerate(accounts, first))

    async def session() -> None:
        reader, writer = await asyncio.open_connection(HOST, port, limit=2**16)

        async def hear(replies: int) -> None:
            while replies:
                line = await reader.readuntil(b"\r\n")
                assert line[:1] in b"23", line
                replies -= line[3:4] != b"-"

        await hear(1)
        writer.write(b"EHLO bench.example\r\n")
        await hear(1)
        while waiting:
            number, account = waiting.pop()
            name = f"user{account}@customer.example"
            to = f"friend{account % 40}@example{account % 7}.net"
            writer.write(f"MAIL FROM:<{name}>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode())
            await hear(3)
            writer.write(message(name, to, number) + b".\r\n")
            await hear(1)
        writer.close()

    await asyncio.gather(*(session() for _ in range(SESSIONS)))


def message(sender: str, recipient: str, number: int) -> bytes:
    """Two kilobytes that no other message has."""
    drawn = random.Random(number)
    lines = "\r\n".join(" ".join(drawn.choices(WORDS, k=10)) for _ in range(26))
    header = f"From: <{sender}>\r\nTo: <{recipient}>\r\nMessage-ID: <{number}@bench.example>\r\nSubject: {number}"
    return f"{header}\r\n\r\n{lines.replace('.', ',')}\r\n".encode()


@contextmanager
def another(*words: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.many", *map(str, words)], cwd=CHECKOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


# -- measuring --


class Bench:
    """A server with these settings, and its costs."""

    def __init__(self, stack: ExitStack, settings: Settings, valkey: Valkey | None = None) -> None:
        port = free_port()
        stack.enter_context(another("sink", port))
        wait_for(lambda: greets(port, b"220 "), "the sink answers")
        self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="many-")))
        shared = {} if valkey is None else {"state": {"url": valkey.url}}
        self.detector = DetectorProcess(self.directory, port, merged(merged(OBSERVED, shared), settings))
        self.valkey = valkey
        self._sent = 0

    def cost(self, accounts: Sequence[int]) -> Cost:
        """Of one message of each of these accounts."""
        chosen = self.directory / "accounts"
        chosen.write_text(" ".join(map(str, accounts)), "ascii")
        before, began = self._processor(), time.perf_counter()
        with another("send", self.detector.port, chosen, self._sent) as sender:
            assert sender.wait() == 0
        seconds, after = time.perf_counter() - began, self._processor()
        self._sent += len(accounts)
        memory = self.detector.metrics()["process_resident_memory_bytes"]
        return Cost(len(accounts), seconds, after[0] - before[0], after[1] - before[1], memory)

    def _processor(self) -> tuple[float, float]:
        return self.detector.metrics()["process_cpu_seconds_total"], 0.0 if self.valkey is None else _used(self.valkey)


def _used(valkey: Valkey) -> float:
    fields = dict(line.split(":", 1) for line in valkey.say("INFO", "cpu").splitlines() if ":" in line)
    return float(fields["used_cpu_user"]) + float(fields["used_cpu_sys"])


def speed(messages: int) -> Iterator[tuple[str, Cost]]:
    drawn = random.Random(1)
    accounts = [drawn.randrange(500) for _ in range(messages)]
    with Valkey() as valkey:
        rows: list[tuple[str, Settings, Valkey | None]] = [
            ("one process, its own state", {}, None),
            ("one process, Valkey", {}, valkey),
            ("two workers, Valkey", {"workers": 2}, valkey),
        ]
        for name, settings, shared in rows:
            valkey.empty()
            with ExitStack() as stack:
                bench = Bench(stack, settings, shared)
                with bench.detector:
                    bench.cost(accounts[:WARM_UP])
                    yield name, bench.cost(accounts)
                    bench.detector.stop()


def growth(known: int, active: int, messages: int) -> Iterator[tuple[str, Cost]]:
    """Both servers run at the same time and are asked by turns, so that what else the machine does hits both alike.

    Both have had as many messages before: whatever is remembered of messages costs both the same. The file of profiles
    is in the memory of the host, or it is not: which of its pages still are is nothing that could be compared.
    """
    drawn = random.Random(1)
    with ExitStack() as stack:
        few, many = (Bench(stack, {"judging": {"window_start": 500}}) for _ in range(2))
        sizes = [write_profiles(one.detector.state, number) for one, number in ((few, 1_000), (many, known))]
        for bench in (few, many):
            stack.enter_context(bench.detector)
            bench.cost(range(WARM_UP))
        yield f"the first {active:,} of {known:,} send a message", many.cost(range(active))
        few.cost([number % 1_000 for number in range(active)])  # of messages, too, something is remembered
        asked = {
            "any of 1,000 known accounts": (few, 1_000, True),
            f"any of 1,000, {known:,} known": (many, 1_000, True),
            f"any of {active:,} active, {known:,} known": (many, active, True),
            f"any of {known:,} known": (many, known, True),
            f"any of {known:,} known, all on disk": (many, known, False),
        }
        costs: dict[str, list[Cost]] = {name: [] for name in asked}
        for _ in range(TURNS):
            for name, (bench, number, in_memory) in asked.items():
                bring(bench.detector.state / "profiles.sqlite", in_memory)
                costs[name].append(bench.cost([drawn.randrange(number) for _ in range(messages // TURNS)]))
        for name, parts in costs.items():
            yield f"{name} ({sizes[0]:.0f} octets each)", together(parts)
        unjudged = [one.detector.metrics()["detector_broken_judgements_total"] for one in (few, many)]
        print("passed unjudged, because no profile came in time: {:.0f} and {:.0f}".format(*unjudged))
        few.detector.stop()
        many.detector.stop()


def bring(path: Path, into_memory: bool) -> None:
    """All of a file into the memory of the host, or out of it."""
    with path.open("rb") as file:
        os.fdatasync(file.fileno())
        while into_memory and file.read(2**20):
            pass
        if not into_memory:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def together(parts: Sequence[Cost]) -> Cost:
    """The memory is that of the end."""
    messages, seconds, detector, valkey = (
        sum(getattr(part, name) for part in parts) for name in ("messages", "seconds", "detector", "valkey")
    )
    return Cost(messages, seconds, detector, valkey, parts[-1].memory_bytes)


def write_profiles(state: Path, accounts: int) -> float:
    """Straight into the file that the server will find; the octets of a profile, on average."""
    state.mkdir(mode=0o700, parents=True)
    packed = [pack(profile) for profile in profiles(time.time())]
    database = sqlite3.connect(state / "profiles.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(SCHEMA)
    database.execute("BEGIN")
    database.executemany(
        "INSERT INTO rows (key, at, value) VALUES (?, ?, ?)",
        ((octets(f"user{n}@customer.example"), time.time(), packed[n % TEMPLATES]) for n in range(accounts)),
    )
    database.execute("COMMIT")
    database.close()
    return sum(map(len, packed)) / len(packed)


def profiles(now: float) -> Iterator[Profile]:
    """Of customers who wrote to their friends for two months, some more, some less."""
    priors, version = load_prior()
    policy = Policy(recipient_key=b"k" * 32, priors=priors, model_version=version)
    for seed in range(TEMPLATES):
        drawn, profile, number = random.Random(seed), Profile(), 0
        busy, friends = drawn.choice((0.3, 1.0, 3.0, 8.0)), drawn.choice((5, 15, 40, 100))
        for day in range(PAST_DAYS):
            for _ in range(round(drawn.expovariate(1.0 / busy))):
                number += 1
                at = now - (PAST_DAYS - day) * DAY + drawn.uniform(0.3, 0.8) * DAY
                to = f"friend{int(drawn.paretovariate(0.8)) % friends}@example{number % 5}.net"
                sent = transaction(number, [(to, RecipientStatus.ACCEPTED)])
                profile, _ = judge(profile, sent, at, policy)
                profile = settle(profile, sent, True, at, policy)
        yield profile


def table(title: str, rows: Iterator[tuple[str, Cost]]) -> None:
    shown = Table("", "messages/s", "CPU ms a message", "of Valkey", "resident MB", title=title)
    for name, cost in rows:
        each = [f"{1000.0 * used / cost.messages:.3f}" for used in (cost.detector, cost.valkey)]
        shown.add_row(name, f"{cost.messages / cost.seconds:.0f}", *each, f"{cost.memory_bytes / 1e6:.0f}")
    Console(width=120).print(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "growth", "sink", "send"])
    parser.add_argument("more", nargs="*")
    parser.add_argument("--messages", type=int, default=6_000)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--active", type=int, default=100_000)
    asked = parser.parse_args()
    if asked.what == "sink":
        asyncio.run(sink(int(asked.more[0])))
    elif asked.what == "send":
        port, chosen, first = asked.more
        asyncio.run(send(int(port), [int(one) for one in Path(chosen).read_text("ascii").split()], int(first)))
    elif asked.what == "speed":
        table(f"{asked.messages:,} messages of 2 KB, judged", speed(asked.messages))
    else:
        table(f"{asked.messages:,} messages of 2 KB, judged", growth(asked.known, asked.active, asked.messages))


if __name__ == "__main__":
    main()
