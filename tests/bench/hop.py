"""What a message costs in the hop, beside its peers, in one run on this machine: the table that the targets stand in.

    python -m tests.bench.hop                          all of it, about a quarter of an hour
    python -m tests.bench.hop --only "2 KB"            rows whose name begins so
    python -m tests.bench.hop --json F --picture F     also all samples, and bars

CPU is user and system time of all processes of a system, for each message. Only ratios within one run mean anything:
client, system and sink share the machine, and so do neighbours. A system that is missing has a row that says so.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median, quantiles

import uvloop
from rich.console import Console
from rich.table import Table

from tests.bench.bars import picture
from tests.bench.figures import JUDGED, sink
from tests.bench.load import Load, seconds_to_first_mail
from tests.bench.systems import System, running, why_not
from tests.support.detector_process import DetectorProcess

NAMES = {"passed": "hop, judging nothing", "judged": "hop, everything on", "postfix": "Postfix smtpd_proxy_filter"}
OURS = frozenset({NAMES["passed"], NAMES["judged"], "repeated"})
WIDTH = 120  # columns of the tables, also where the output is no terminal
WARM_UP = 0.1  # of the messages, not measured


@dataclass(frozen=True, slots=True)
class Target:
    """At most so many times what the other needs. `of` is a quantile of the time it takes, or CPU where it is 0."""

    system: str
    other: str
    times: float
    of: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    load: Load
    systems: tuple[str, ...]
    targets: tuple[Target, ...]


SCENARIOS = (
    Scenario(
        "2 KB, kept connections",
        Load(2_000, 2_000),
        ("raw", "stock", "postfix", "passed", "judged"),
        (Target("passed", "raw", 2.0), Target("passed", "stock", 1 / 3.5), Target("judged", "postfix", 0.7)),
    ),
    Scenario("5 KB, as people write", Load(5_000, 800), ("rspamd", "judged"), (Target("judged", "rspamd", 0.2),)),
    Scenario(
        "200 KB with an attachment",
        Load(200_000, 200),
        ("stock", "postfix", "passed", "judged"),
        (Target("judged", "stock", 0.2), Target("judged", "postfix", 0.8)),
    ),
    Scenario(
        "5 MB with an attachment",
        Load(5_000_000, 20),
        ("stock", "postfix", "passed", "judged"),
        (Target("judged", "stock", 0.2), Target("judged", "postfix", 0.8)),
    ),
    Scenario(
        "2 KB, a connection for each",
        Load(2_000, 800, new=True),
        ("raw", "stock", "postfix", "passed", "judged"),
        (Target("judged", "postfix", 0.9),),
    ),
    Scenario(
        "2 KB to 20 people, pipelined",
        Load(2_000, 300, recipients=20),
        ("raw", "stock", "postfix", "passed", "judged"),
        (),
    ),
    Scenario("2 KB, one body", Load(2_000, 2_000, repeated=True), ("judged",), ()),
    Scenario(
        "5 KB, 100 a second",
        Load(5_000, 600, rate=100.0),
        ("raw", "postfix", "judged"),
        (Target("judged", "raw", 2.0, of=50), Target("judged", "postfix", 1.0, of=99)),
    ),
)
REPEATED = 0.6  # of what distinct bodies cost, everything on
START = 1.5  # seconds to the first accepted mail


@dataclass(slots=True)
class Samples:
    """Of one system in one scenario: CPU milliseconds for a message in each round, seconds that messages took."""

    cpu: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    lost: int = 0  # messages that were not accepted
    missing: str = ""

    def value(self, of: int) -> float:
        """Milliseconds: the median of CPU, or a quantile of the time that messages took."""
        if of and self.took:
            return 1000.0 * quantiles(self.took, n=100)[of - 1]
        return median(self.cpu) if self.cpu else float("nan")


Results = dict[str, dict[str, Samples]]


def once(system: System, load: Load) -> tuple[float, list[float]]:
    """CPU milliseconds for each message, and the seconds that each took."""
    before = system.cpu_seconds()
    took = uvloop.run(load.scan(system.port) if system.name == "rspamd" else load.send(system.port))
    return 1000.0 * (system.cpu_seconds() - before) / max(1, len(took)), took


def measure(scenario: Scenario, rounds: int, share: float) -> dict[str, Samples]:
    """Rounds of all systems one after the other, so that what else the machine does meets each of them."""
    results = {name: Samples(missing=why_not(name)) for name in scenario.systems}
    load = scenario.load
    messages = max(4, int(load.messages * share))
    with sink() as next_hop, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        there = [name for name in scenario.systems if not results[name].missing]
        started = [stack.enter_context(running(name, Path(folder, name), next_hop)) for name in there]
        for system in started:
            once(system, replace(load, messages=max(2, int(messages * WARM_UP)), rate=0.0))
        for _ in range(rounds):
            for system in started:
                cpu, took = once(system, replace(load, messages=messages))
                results[system.name].cpu.append(cpu)
                results[system.name].took += took
                results[system.name].lost += messages - len(took)
    return results


def start_time() -> float:
    with sink() as next_hop, tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        with DetectorProcess(Path(folder), next_hop, JUDGED) as hop:
            return seconds_to_first_mail(began, hop.port)


def verdicts(results: Results, start: float) -> list[tuple[str, str, str, str]]:
    """Each target: what, measured, asked, and whether it is reached."""
    rows = []
    for scenario in SCENARIOS:
        samples = results.get(scenario.name)
        for target in scenario.targets if samples else ():
            assert samples is not None
            measured = _ratio(samples[target.system], samples[target.other], target.of)
            what = f"{scenario.name}: {_named(target.system)} / {_named(target.other)}"
            rows.append(_verdict(what + (f", p{target.of}" if target.of else ""), measured, target.times))
    distinct, repeated = (results.get(name, {}).get("judged") for name in (SCENARIOS[0].name, "2 KB, one body"))
    if distinct is not None and repeated is not None:
        rows.append(_verdict("2 KB, everything on: one body / distinct bodies", _ratio(repeated, distinct), REPEATED))
    if start:
        rows.append(_verdict("seconds from start to the first accepted mail", start, START))
    return rows


def _ratio(one: Samples, other: Samples, of: int = 0) -> float:
    least = other.value(of)
    return one.value(of) / least if least else float("nan")  # CPU is told in ticks: a short run may have none


def _verdict(what: str, measured: float, asked: float) -> tuple[str, str, str, str]:
    reached = "-" if measured != measured else "yes" if measured <= asked else "no"  # noqa: PLR0124 - not a number
    return what, f"{measured:.2f}", f"{asked:.2f}", reached


def _named(system: str) -> str:
    return NAMES.get(system, system)


def show(console: Console, results: Results, start: float) -> None:
    table = Table("scenario", "system", "CPU ms/message", "p50 ms", "p99 ms")
    for name, systems in results.items():
        for system, one in systems.items():
            cpu = one.missing or f"{one.value(0):.3f}" + (f", {one.lost} lost" if one.lost else "")
            times = [f"{one.value(of):.2f}" if len(one.took) > 1 else "" for of in (50, 99)]
            table.add_row(name, _named(system), cpu, *times)
    console.print(table)
    targets = Table("target", "measured", "asked, at most", "reached")
    for row in verdicts(results, start):
        targets.add_row(*row)
    console.print(targets)


def bars(results: Results) -> str:
    groups = {
        name: {_named(system): one.value(0) for system, one in systems.items() if one.cpu}
        for name, systems in results.items()
    }
    return picture(groups, OURS, "ms")


def document(results: Results, start: float) -> dict[str, object]:
    return {
        "unit": "CPU milliseconds for each message, all processes of the system; seconds that messages took",
        "scenarios": {
            name: {
                system: {
                    "cpu": one.cpu,
                    "p50": one.value(50),
                    "p99": one.value(99),
                    "lost": one.lost,
                    "missing": one.missing,
                }
                for system, one in systems.items()
            }
            for name, systems in results.items()
        },
        "seconds_to_first_mail": start,
        "targets": [
            dict(zip(("what", "measured", "asked", "reached"), row, strict=True)) for row in verdicts(results, start)
        ],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="the beginning of the scenarios' names")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the messages; fewer are sooner sent and say less")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args(arguments)
    console, results = Console(width=max(WIDTH, Console().width)), Results()
    for scenario in SCENARIOS:
        if scenario.name.startswith(options.only):
            console.print(f"measuring: {scenario.name}")
            results[scenario.name] = measure(scenario, options.rounds, options.share)
    start = 0.0 if options.only else start_time()
    show(console, results, start)
    if options.json is not None:
        options.json.write_text(json.dumps(document(results, start), indent=1) + "\n", "utf-8")
    if options.picture is not None:
        options.picture.write_text(bars(results), "utf-8")


if __name__ == "__main__":
    main()
