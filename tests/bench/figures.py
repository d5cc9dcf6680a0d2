"""What the hop costs: the same load with it and without it, in one run, on loopback.

    python -m tests.bench.figures                 messages/s and CPU per 1000 messages, 2 KB and 20 KB, 20 sessions
    python -m tests.bench.figures --memory 100000 memory at the start and after so many messages, too

Needs `smtp-sink` (Debian's postfix package). Compare the rows of one run only: machines differ, and so do hours.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.support.detector_process import DetectorProcess
from tests.support.ports import HOST, free_port, greets, wait_for
from tests.support.smtp_client import Letter, Sender

SENDERS = 500
TICKS = os.sysconf("SC_CLK_TCK")
JUDGED = {
    "observe": True,
    "identity": [{"source": "envelope-sender"}],
    "relay": {"limits": {"connections_per_client": 500}},
}
PASSED = {
    "observe": True,
    "identity": [{"source": "policy-service"}],
    "relay": {"limits": {"connections_per_client": 500}},
}
"""With judging every sender is an account; without, no account is known and mail passes unjudged."""


def letters(count: int, size: int) -> list[Letter]:
    """Distinct messages of `size` octets from 500 senders, each to another recipient."""
    line = b"The quick brown fox jumps over the lazy dog and comes home late.\r\n"
    made = []
    for number in range(count):
        sender = f"user{number % SENDERS}@customer.example"
        head = f"From: {sender}\r\nSubject: letter {number}\r\nMessage-ID: <{number}.{size}@customer.example>\r\n\r\n"
        body = (line * (size // len(line) + 1))[: size - len(head) - 2] + b"\r\n"
        made.append(Letter(sender, f"friend{number % 5000}@peer{number % 50}.example", head.encode() + body))
    return made


@contextmanager
def sink() -> Iterator[int]:
    """Debian's smtp-sink, the fastest end of the road there is."""
    program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
    port = free_port()
    process = subprocess.Popen([program, "-u", "nobody", f"{HOST}:{port}", "1000"], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: greets(port, b"220"), "smtp-sink greets")
        yield port
    finally:
        process.kill()
        process.wait()


def cpu_seconds(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(process_id: int) -> float:
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def send(port: int, load: list[Letter]) -> float:
    """Seconds until every letter was accepted."""
    started = time.perf_counter()
    outcome = asyncio.run(Sender(port, load).run())
    if outcome.refusals:
        raise SystemExit(f"refused: {outcome.refusals[:3]}")
    return time.perf_counter() - started


def costs(console: Console, messages: int) -> None:
    """Interleaved rounds: direct, passed, judged, and again."""
    table = Table(
        "size",
        "path",
        "messages/s",
        "CPU s/1000 of the hop",
        title=f"{messages} messages, 20 sessions, 3 rounds (median)",
    )
    for size in (2_000, 20_000):
        samples: dict[str, list[tuple[float, float]]] = {"direct": [], "hop, not judging": [], "hop, judging": []}
        with sink() as next_hop, tempfile.TemporaryDirectory() as folder:
            with (
                DetectorProcess(Path(folder, "passed"), next_hop, PASSED) as passed,
                DetectorProcess(Path(folder, "judged"), next_hop, JUDGED) as judged,
            ):
                load = letters(messages, size)
                send(passed.port, load[:200])
                send(judged.port, load[:200])
                for _ in range(3):
                    samples["direct"].append((send(next_hop, load), 0.0))
                    for name, hop in (("hop, not judging", passed), ("hop, judging", judged)):
                        before = cpu_seconds(hop.process_id)
                        seconds = send(hop.port, load)
                        samples[name].append((seconds, cpu_seconds(hop.process_id) - before))
        for name, measured in samples.items():
            seconds, cpu = sorted(measured)[1]
            table.add_row(str(size), name, f"{messages / seconds:.0f}", f"{1000 * cpu / messages:.2f}" if cpu else "-")
    console.print(table)


def memory(console: Console, messages: int) -> None:
    with (
        sink() as next_hop,
        tempfile.TemporaryDirectory() as folder,
        DetectorProcess(Path(folder), next_hop, JUDGED) as hop,
    ):
        start = memory_mib(hop.process_id)
        for _ in range(messages // 5_000):
            send(hop.port, letters(5_000, 2_000))
        end = memory_mib(hop.process_id)
    console.print(
        f"memory: {start:.0f} MiB at the start, {end:.0f} MiB after {messages} judged messages of {SENDERS} accounts"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=4_000, help="for each size, path and round (default: 4000)")
    parser.add_argument("--memory", type=int, default=0, metavar="MESSAGES", help="also: memory after so many messages")
    options = parser.parse_args()
    console = Console()
    costs(console, options.messages)
    if options.memory:
        memory(console, options.memory)


if __name__ == "__main__":
    main()
