"""What others notice of a client that takes all it can get: their latency with and without it, and the memory it costs.

    python -m tests.bench.abuse                  all of it, about twelve minutes
    python -m tests.bench.abuse --only storm     those whose name contains it

The abuser is a process of its own, on another address than the others. Quiet and abused seconds take turns, so that
what else the machine does hits both alike. The hop has the first processor for itself; senders, next hop and abuser
share the others, where the abuser comes last: a client elsewhere would take nothing of our processors either, and what
the senders wait for each other is not the hop's doing.
"""

import argparse
import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from statistics import quantiles

import uvloop

from detector.listeners import BACKLOG
from tests.bench.figures import cpu_seconds, sink
from tests.bench.load import Load
from tests.support.detector_process import DetectorProcess, Settings, merged
from tests.support.open_files import resident_bytes
from tests.support.ports import HOST, greets, wait_for

ABUSER = "127.0.0.2"
MESSAGES, RATE = 150, 50.0
TURNS = 4
GET_GOING = 1.5
"""Seconds that the abuser has for itself, to begin with."""
IDLE = 10_000
FOR_EVER = 600.0
BIND_WITHOUT_PORT = 24
"""IP_BIND_ADDRESS_NO_PORT of Linux (ip(7)): the port is chosen when it connects, or to find one would take longer."""
HEAD = b"EHLO pc.example\r\nMAIL FROM:<ann@example.org>\r\n"
MESSAGE = HEAD + b"RCPT TO:<bob@example.net>\r\nDATA\r\n"
SETTINGS: Settings = {
    "identity": [{"source": "envelope-sender"}],
    "observe": True,
    "relay": {"limits": {"connections": 12_000}},
}
MANY: Settings = {"relay": {"limits": {"connections_per_client": 12_000}}}

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(port: int) -> Connection:
    return await asyncio.open_connection(HOST, port, local_addr=(ABUSER, 0))


async def say(port: int, *pieces: bytes, times: int = 1) -> None:
    """Without waiting for answers, which are read and thrown away, until the connection ends; then once more."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await connect(port)
            reading = asyncio.get_running_loop().create_task(_throw_away(reader))
            for piece in pieces[:-1]:
                writer.write(piece)
            for _ in range(times):
                writer.write(pieces[-1])
                await writer.drain()
            await reading
        await asyncio.sleep(0.01)


async def _throw_away(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(65_536):
            pass


async def drip(port: int, before: bytes, octet: bytes) -> None:
    """An octet a second."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await connect(port)
            writer.write(before)
            while not writer.is_closing():
                writer.write(octet)
                await asyncio.sleep(1.0)


async def idle(port: int) -> None:
    with contextlib.suppress(OSError):
        reader, _ = await connect(port)
        await reader.read(100)
        await asyncio.sleep(FOR_EVER)


async def at_once(port: int, stay: float = FOR_EVER) -> None:
    """As fast as the system opens connections, without waiting for one to be up. They end together, too."""
    opened = [socket.socket() for _ in range(IDLE)]
    for one in opened:
        one.setsockopt(socket.IPPROTO_IP, BIND_WITHOUT_PORT, 1)
        one.setblocking(False)
        one.bind((ABUSER, 0))
    for one in opened:
        one.connect_ex((HOST, port))
    await asyncio.sleep(stay)
    for one in opened:
        one.close()
    await asyncio.sleep(FOR_EVER)


async def sixteen(one: Callable[[], Awaitable[None]], number: int = 16) -> None:
    await asyncio.gather(*(one() for _ in range(number)))


ALL_STAY = "all may stay"
OPENED = "10,000 being opened"
ELSEWHERE = f"{OPENED} at a socket that nobody serves"
"""What the system and the abuser itself take from all who share the machine with them, which is not the hop's doing."""
RECIPIENTS = b"".join(b"RCPT TO:<r%d@example.net>\r\n" % number for number in range(1_000))
ABUSES: Mapping[str, Callable[[int], Awaitable[None]]] = {
    ELSEWHERE: at_once,
    f"{OPENED}, 100 may stay": at_once,
    f"{OPENED}, {ALL_STAY}": at_once,
    f"10,000 that end at once, {ALL_STAY}": lambda port: at_once(port, 2 * GET_GOING),
    "10,000 idle, 100 may stay": lambda port: sixteen(lambda: idle(port), IDLE),
    f"10,000 idle, {ALL_STAY}": lambda port: sixteen(lambda: idle(port), IDLE),
    "90 slow commands": lambda port: sixteen(lambda: drip(port, b"", b"N"), 90),
    "90 slow messages": lambda port: sixteen(lambda: drip(port, MESSAGE, b"x\r\n"), 90),
    "NOOP storm": lambda port: sixteen(lambda: say(port, b"NOOP\r\n" * 5_000, times=40)),
    "RSET storm": lambda port: sixteen(lambda: say(port, b"RSET\r\n" * 5_000, times=40)),
    "nonsense": lambda port: sixteen(lambda: say(port, b"\x00\xff\r\n" * 5_000)),
    "MAIL and RSET pipelined": lambda port: sixteen(lambda: say(port, (HEAD + b"RSET\r\n") * 500, times=40)),
    "100,000 RCPT": lambda port: sixteen(lambda: say(port, HEAD, RECIPIENTS, times=100)),
    "messages of 1 GB": lambda port: sixteen(
        lambda: say(port, MESSAGE, (b"x" * 998 + b"\r\n") * 1_000, times=1_000), 4
    ),
    "a line without an end": lambda port: sixteen(lambda: say(port, b"x" * 1_000_000, times=100)),
    "connections that come and go": lambda port: sixteen(lambda: say(port, b"QUIT\r\n")),
}


def load(port: int) -> list[float]:
    """Seconds that mail at a steady rate took."""
    return uvloop.run(Load(2_000, MESSAGES, rate=RATE).send(port))


@contextlib.contextmanager
def abuser(name: str, port: int) -> Iterator[None]:
    itself = [sys.executable, "-m", "tests.bench.abuse", "--be", name, str(port)]
    # Where we run in real time, nothing would be left for it on a busy machine: it comes first of all others.
    nice = "-20" if os.sched_getscheduler(0) == os.SCHED_FIFO else "19"
    last = ["chrt", "--other", "0", "nice", "-n", nice]
    process = subprocess.Popen([*last, *itself])
    try:
        if OPENED not in name:
            time.sleep(GET_GOING)
        yield
    finally:
        process.kill()
        process.wait()


def suffer(name: str, place: Path, behind: int) -> str:
    """A line of figures."""
    detector = DetectorProcess(place, behind, merged(SETTINGS, MANY) if ALL_STAY in name else SETTINGS)
    detector.launcher = ["taskset", "--cpu-list", "0"]
    quiet, abused, clients, refused, busy = list[float](), list[float](), 0.0, 0.0, 0.0
    with detector, socket.create_server((HOST, 0), backlog=BACKLOG) as elsewhere:
        target = elsewhere.getsockname()[1] if name == ELSEWHERE else detector.port
        load(detector.port)  # caches fill
        before = resident_bytes(detector.process_id) / 1e6
        for _ in range(TURNS):
            quiet += load(detector.port)
            with abuser(name, target):
                began, used = time.perf_counter(), cpu_seconds(detector.process_id)
                abused += load(detector.port)
                busy = max(busy, (cpu_seconds(detector.process_id) - used) / (time.perf_counter() - began))
                counted = detector.metrics()
                clients = max(clients, counted["detector_client_connections"])
                refused = sum(number for metric, number in counted.items() if "connections_refused_total" in metric)
            wait_for(lambda: greets(detector.port, b"220"), "those who waited before it are gone")
            wait_for(lambda: detector.metrics()["detector_client_connections"] == 0, "the abuser is gone")
        after = resident_bytes(detector.process_id) / 1e6
    lost = 2 * TURNS * MESSAGES - len(quiet) - len(abused)
    (p50, p99), (abused_p50, abused_p99) = (
        [1000 * quantiles(took, n=100)[n] for n in (49, 98)] for took in (quiet, abused)
    )
    figures = (
        f"p50 {p50:.1f} -> {abused_p50:.1f} ms, p99 {p99:.1f} -> {abused_p99:.1f} ms ({abused_p99 / p99:.1f} times)"
    )
    more = f"{lost} not accepted; hop {busy:.0%} busy; {before:.0f} -> {after:.0f} MB"
    return f"{name}: {figures}; {more}; {clients:.0f} connections, {refused:.0f} refused"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--be", nargs=2, metavar=("NAME", "PORT"), help="the abuser itself")
    asked = parser.parse_args()
    if asked.be:
        uvloop.run(_be(ABUSES[asked.be[0]], int(asked.be[1])))
        return
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {0} or {0})
    with sink() as behind, tempfile.TemporaryDirectory() as place:
        for number, name in enumerate(ABUSES):
            if asked.only in name:
                print(suffer(name, Path(place) / str(number), behind), flush=True)


async def _be(abuse: Callable[[int], Awaitable[None]], port: int) -> None:
    await abuse(port)


if __name__ == "__main__":
    main()
