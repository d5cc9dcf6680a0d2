"""What a campaign of many hijacked accounts costs the mail of others: a small load before and during it, on loopback.

    python -m tests.bench.campaign                a thousand incidents at once
    python -m tests.bench.campaign --accounts 200 or fewer

The incidents are written into the records by this process, as another relay would, as fast as the records take them.
Providers are small programs. Needs `smtp-sink` (Debian's postfix package). Compare the rows of one run only.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from detector.incident.incident import State
from detector.records.records import Records
from tests.bench.figures import cpu_seconds, letters, sink
from tests.support.detector_process import DetectorProcess
from tests.support.ports import HOST
from tests.support.response import incident
from tests.support.smtp_client import Letter, _reply, dot_stuffed

EVERY = 0.02
"""Seconds between two messages: 50/s, an ordinary hour of a small provider."""

IDLE_TIME = 15.0
HOOK = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"
QUIET = "import sys; sys.stdin.read()"


def settings(directory: Path) -> dict[str, object]:
    def program(code: str, *arguments: str) -> dict[str, object]:
        return {"provider": "command", "argv": [sys.executable, "-c", code, *arguments]}

    return {
        "observe": False,
        "identity": [{"source": "envelope-sender"}],
        "response": {
            "password": program(QUIET),
            "sessions": program(QUIET),
            "hooks": [{"name": "desk", "action": program(HOOK, str(directory / "heard"))}],
        },
    }


async def load(port: int, mail: list[Letter], over: Callable[[], bool]) -> list[float]:
    """Seconds that each message took from MAIL to the reply to its end mark, one after the other at a steady pace."""
    reader, writer = await asyncio.open_connection(HOST, port)
    await _reply(reader)
    writer.write(b"EHLO sender.example\r\n")
    await _reply(reader)
    took: list[float] = []
    while not over():
        letter = mail[len(took) % len(mail)]
        began = time.perf_counter()
        writer.write(f"MAIL FROM:<{letter.sender}>\r\nRCPT TO:<{letter.recipient}>\r\nDATA\r\n".encode())
        replies = [await _reply(reader) for _ in range(3)]
        if not replies[2].startswith("354"):
            raise SystemExit(f"refused: {replies}")
        writer.write(dot_stuffed(letter.content) + b".\r\n")
        await _reply(reader)
        took.append(time.perf_counter() - began)
        await asyncio.sleep(max(0.0, EVERY - took[-1]))
    writer.close()
    return took


def measured(port: int, over: Callable[[], bool]) -> list[float]:
    return asyncio.run(load(port, letters(2_000, 2_000), over))


def strike(records: Records, accounts: int) -> float:
    """Seconds until all incidents are in the records."""
    began, now = time.perf_counter(), time.time()
    for number in range(accounts):
        one = incident(f"campaign-{number}", f"stolen{number}@example.org")
        records.open_incident(replace(one, opened_at=now, changed_at=now))
    return time.perf_counter() - began


def percentiles(took: list[float]) -> list[str]:
    cuts = statistics.quantiles(took, n=100)
    return [f"{1000 * value:.2f}" for value in (cuts[49], cuts[94], cuts[98], max(took))]


def at_rest(records: Records, told: dict[str, float]) -> Callable[[], bool]:
    """Whether everything is opened and waits for people; looks once a second."""
    looked = 0.0

    def over() -> bool:
        nonlocal looked
        if time.monotonic() - looked < 1.0:
            return False
        looked = time.monotonic()
        under_way = any(one.state is State.OPEN for one in records.unresolved())
        return bool(told) and not under_way and not records.errands(1)

    return over


def row(name: str, hop: DetectorProcess, over: Callable[[], bool]) -> list[str]:
    """A row of the table: the load while something else goes on."""
    before, began = cpu_seconds(hop.process_id), time.monotonic()
    took = measured(hop.port, over)
    lasted = time.monotonic() - began
    cpu = (cpu_seconds(hop.process_id) - before) / lasted
    return [name, f"{lasted:.0f}", str(len(took)), *percentiles(took), f"{100 * cpu:.0f} %"]


def campaign(console: Console, accounts: int) -> None:
    with sink() as next_hop, tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with DetectorProcess(directory, next_hop, settings(directory)) as hop:
            records = Records(f"sqlite:///{directory / 'state' / 'records.sqlite'}")
            table = Table("", "seconds", "messages", "p50 ms", "p95 ms", "p99 ms", "max ms", "CPU of the hop")
            end = time.monotonic() + IDLE_TIME
            table.add_row(*row("idle", hop, lambda: time.monotonic() > end))
            told: dict[str, float] = {}
            thread = threading.Thread(target=lambda: told.update(opening=strike(records, accounts)))
            thread.start()
            table.add_row(*row(f"{accounts} incidents", hop, at_rest(records, told)))
            thread.join()
            console.print(table)
            states = Counter(one.state.value for one in records.unresolved())
            console.print(f"opened within {told['opening']:.1f} s; then {dict(states)}")
            records.close()
        heard = [json.loads(line) for line in (directory / "heard").read_text("utf-8").splitlines()]
        console.print(f"operators heard: {dict(Counter(event['event'] for event in heard))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1_000, help="incidents (default: 1000)")
    campaign(Console(), parser.parse_args().accounts)


if __name__ == "__main__":
    main()
