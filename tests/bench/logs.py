"""How fast a log is followed, beside only reading it, and what a million messages on their way weigh.

    python -m tests.bench.logs                  lines/s on one core: reading, taking apart, the whole way to the sink
    python -m tests.bench.logs --open 1000000   memory while so many messages are waited for, and after they have aged

The lines are such as Postfix and Exim write of mail with 1.3 recipients, a tenth of it deferred once, a twentieth
bounced; all messages are ours. Compare rows of one run only: machines differ, and so do hours.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from detector.config import parse
from detector.feedback.build import READERS, Following
from detector.feedback.log_file import LogFile
from detector.mail.address import Address
from detector.mail.delivery import RECIPIENT_BYTES, Delivery, Handed, Receipt
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.state.handed_over import MemoryHandedOver
from detector.traffic.memory import keyed_hash
from tests.support.feedback import KEY

SERVER = "127.0.0.1:10026"
ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
STAMP = "2026-03-05T10:%02d:%02d.123456+01:00"
REPLIES = {
    "2": ("2.0.0", "sent", "250 2.0.0 OK 1772700000 qc12si8475009pab.211 - gsmtp"),
    "4": ("4.7.1", "deferred", "host mx.peer{0}.example[198.51.100.7] said: 450 4.7.1 <user{0}@peer{0}.example>: "
          "Recipient address rejected: Greylisted for 5 minutes (in reply to RCPT TO command)"),
    "5": ("5.1.1", "bounced", "host mx.peer{0}.example[198.51.100.7] said: 550 5.1.1 <user{0}@peer{0}.example>: "
          "Recipient address rejected: User unknown in virtual mailbox table (in reply to RCPT TO command)"),
}  # fmt: skip


class Written:
    """A log of so many messages, with what was handed over."""

    def __init__(self, messages: int, mta: str) -> None:
        self.lines: list[str] = []
        self.handed: list[tuple[str, Handed]] = []
        self._draw = random.Random(7)
        for number in range(messages):
            recipients = [f"user{number + more}@peer{number + more}.example" for more in range(1 + (number % 10 < 3))]
            queue_id = self._postfix(number, recipients) if mta == "postfix" else self._exim(number, recipients)
            hashes = frozenset(keyed_hash(Address.parse(one).key, KEY, RECIPIENT_BYTES) for one in recipients)
            self.handed.append(
                (queue_id, Handed(f"u{number % 500}", f"t{number}", Stream.PERSONAL, time.time(), hashes))
            )

    def _results(self) -> Sequence[str]:
        drawn = self._draw.random()
        return "42" if drawn < 0.10 else "5" if drawn < 0.15 else "2"

    def _postfix(self, number: int, recipients: Iterable[str]) -> str:
        queue_id = "4" + "".join(self._draw.choices(ALPHABET, k=14))
        head = f"{STAMP % (number // 60 % 60, number % 60)} mx1 postfix"
        self.lines += [
            f"{head}/smtpd[811]: connect from localhost[127.0.0.1]",
            f"{head}/smtpd[811]: {queue_id}: client=localhost[127.0.0.1], orig_queue_id={queue_id[::-1]}",
            f"{head}/cleanup[812]: {queue_id}: message-id=<{number}.{queue_id}@pc.example>",
            f"{head}/qmgr[813]: {queue_id}: from=<u{number % 500}@home.example>, size=4711, nrcpt=1 (queue active)",
        ]
        for recipient in recipients:
            for kind in self._results():
                code, status, reply = REPLIES[kind]
                self.lines.append(
                    f"{head}/smtp[814]: {queue_id}: to=<{recipient}>, relay=mx.peer{number}.example[198.51.100.7]:25, "
                    f"delay=1.9, delays=0.05/0/1.1/0.71, dsn={code}, status={status} ({reply.format(number)})"
                )
        self.lines.append(f"{head}/qmgr[813]: {queue_id}: removed")
        return queue_id

    def _exim(self, number: int, recipients: Iterable[str]) -> str:
        queue_id = "1" + "".join(self._draw.choices(ALPHABET, k=5)) + "-" + f"{number:06d}"[-6:] + "-2L"
        head = f"2026-03-05 10:{number // 60 % 60:02d}:{number % 60:02d} {queue_id}"
        self.lines.append(
            f"{head} <= u{number % 500}@home.example H=(hop.example) [127.0.0.1] P=esmtp S=4711 id={number}@pc.example"
        )
        for recipient in recipients:
            where = f"{recipient} R=out T=smtp"
            for kind in self._results():
                _, status, reply = REPLIES[kind]
                host = f"H=mx.peer{number}.example [198.51.100.7]"
                self.lines.append({
                    "sent": f'{head} => {where} {host} C="{reply}"',
                    "deferred": f"{head} == {where} defer (-44) {host}: SMTP error: {reply.format(number)}",
                    "bounced": f"{head} ** {where} {host}: SMTP error: {reply.format(number)}",
                }[status])  # fmt: skip
        self.lines.append(f"{head} Completed")
        return queue_id


class CountingSink:
    """Counts, and does nothing."""

    def __init__(self) -> None:
        self.count = 0

    async def tell(self, deliveries: Sequence[Delivery]) -> None:
        self.count += len(deliveries)


def only_read(path: Path) -> float:
    """Seconds of a process that reads all lines and forgets them."""
    log = LogFile(path, "0 0 0 x")
    started = time.process_time()
    while log.read().lines:
        pass
    log.close()
    return time.process_time() - started


def take_apart(path: Path, mta: str) -> float:
    log, read = LogFile(path, "0 0 0 x"), READERS[mta]
    started = time.process_time()
    while lines := log.read().lines:
        for line in lines:
            read(line)
    log.close()
    return time.process_time() - started


async def whole_way(directory: Path, written: Written, mta: str) -> tuple[float, int]:
    """Seconds of all threads until everything is told and its position on disk; and how many results."""
    path, metrics, sink = directory / "mail.log", Metrics("bench"), CountingSink()
    store = MemoryHandedOver(directory / "handed_over.sqlite", 1.0, 864_000.0, 1_000_000, metrics)
    for queue_id, handed in written.handed:
        await store.remember(Receipt(SERVER, queue_id, f"{queue_id}@m"), handed, handed.at)
    store.close()
    store = MemoryHandedOver(directory / "handed_over.sqlite", 1.0, 864_000.0, 1_000_000, metrics)
    path.touch()
    log = f'[[feedback.logs]]\nsource = "file"\nmta = "{mta}"\npath = "{path}"\n'
    following = Following(parse(f'state.directory = "{directory}"\n{log}'), store, sink, KEY, metrics, time.time)
    await following.start()
    await asyncio.sleep(1)
    path.write_text("\n".join(written.lines) + "\n")
    started = time.process_time()

    def lines() -> float:
        values = [
            metrics.registry.get_sample_value("detector_feedback_log_lines_total", {"result": result}) or 0.0
            for result in ("told", "repeated", "stranger", "passed", "other")
        ]
        return sum(values)

    while lines() < len(written.lines):  # noqa: ASYNC110 - nobody tells us
        await asyncio.sleep(0.02)
    seconds = time.process_time() - started
    await following.stop()
    store.close()
    return seconds, sink.count


def speed(console: Console, messages: int) -> None:
    table = Table("log", "lines", "results", "only read", "taken apart", "whole way", title="lines/s of CPU time")
    for mta in ("postfix", "exim"):
        with tempfile.TemporaryDirectory() as folder:
            written = Written(messages, mta)
            path = Path(folder, "copy.log")
            path.write_text("\n".join(written.lines) + "\n")
            count = len(written.lines)
            reading, apart = only_read(path), take_apart(path, mta)
            whole, results = asyncio.run(whole_way(Path(folder), written, mta))
        rates = [f"{count / seconds:,.0f}" for seconds in (reading, apart, whole)]
        table.add_row(mta, f"{count:,}", f"{results:,}", *rates)
    console.print(table)


def memory_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def mebibytes_in(folder: str) -> float:
    return sum(file.stat().st_size for file in Path(folder).iterdir()) / 2**20


async def weigh(console: Console, messages: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "handed_over.sqlite")
        store = MemoryHandedOver(path, 0.2, 864_000.0, messages, Metrics("bench"))
        start, started = memory_mib(), time.process_time()
        for number in range(messages):
            hashes = frozenset({number.to_bytes(RECIPIENT_BYTES, "big")})
            handed = Handed(f"u{number % 500}", f"{number:016x}", Stream.PERSONAL, 1e9, hashes)
            await store.remember(Receipt(SERVER, f"4AB{number}", f"{number}@pc.example"), handed, 1e9)
            if number % 1000 == 0:
                await asyncio.sleep(0.01)  # a disk that nobody waits for must keep up
        cost = (time.process_time() - started) / messages
        console.print(
            f"{messages:,} messages on their way: {memory_mib() - start:.0f} MiB more in memory, "
            f"{1e6 * cost:.0f} µs each, {mebibytes_in(folder):.0f} MiB on disk"
        )
        for number in range(messages // 50):
            handed = Handed("u", f"n{number}", Stream.PERSONAL, 1e9 + 864_001, frozenset())
            await store.remember(Receipt(SERVER, f"5AB{number}", f"n{number}@pc.example"), handed, 1e9 + 864_001)
            if number % 1000 == 0:
                await asyncio.sleep(0.5)  # old rows are deleted in the background
        store.close()
        again = MemoryHandedOver(path, 1.0, 864_000.0, messages, Metrics("bench"))
        old, new = await again.by_queue_id(SERVER, "4AB1"), await again.by_queue_id(SERVER, "5AB1")
        again.close()
        console.print(
            f"11 days later the old ones are {'kept' if old else 'forgotten'}, the new {'known' if new else 'not'}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=50_000, help="in the log (default: 50000)")
    parser.add_argument("--open", type=int, default=0, metavar="MESSAGES", help="also: memory for so many")
    options = parser.parse_args()
    console = Console()
    speed(console, options.messages)
    if options.open:
        asyncio.run(weigh(console, options.open))


if __name__ == "__main__":
    main()
