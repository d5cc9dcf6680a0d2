"""`detector check`: tries everything that a configuration names, and says what to mend."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from detector.cli.check_hold import check_hold
from detector.cli.check_host import check_addresses, check_certificate, check_directories, check_models
from detector.cli.check_logs import check_logs
from detector.cli.check_outside import check_next_hops, check_records, check_response
from detector.cli.check_reports import check_reports
from detector.cli.check_shared import check_shared
from detector.cli.check_tags import check_tags
from detector.cli.finding import Finding, Level, hint
from detector.cli.roles import unknown
from detector.cli.words import counted
from detector.config import Config
from detector.ports import Clock

STYLES = {Level.OK: "green", Level.HINT: "yellow", Level.PROBLEM: "bold red"}


def examine(config: Config, clock: Clock) -> Iterator[Finding]:
    """One by one, as soon as each is known; the configuration itself is right already."""
    yield from check_directories(config)
    yield from check_addresses(config)
    yield from check_certificate(config, clock())
    yield from check_hold(config)
    yield from check_tags(config)
    yield from check_models()
    yield from check_next_hops(config)
    yield from check_logs(config)
    yield from check_reports(config)
    yield from check_records(config)
    yield from check_shared(config)
    yield from check_response(config, clock)
    yield from check_policy(config)


def check_policy(config: Config) -> Iterator[Finding]:
    """What keeps the program from acting."""
    if config.observe:
        yield hint("observe", "true: everything passes, and verdicts are only recorded; false begins to act")
    if not any(getattr(source, "trusted", False) for source in config.identity):
        yield hint("identity", "no source is trusted: every changed password waits for a person")
    for member in unknown(config.operators):
        kind = "group" if member.startswith("@") else "login"
        yield hint("operators", f"{member} is no {kind} of this host: nobody has a role by it")


def show(findings: Iterator[Finding]) -> list[Finding]:
    """Print a line for each, as they come, and a last one with the numbers."""
    console, seen = Console(highlight=False, soft_wrap=True), []
    for finding in findings:
        seen.append(finding)
        console.print(
            Text.assemble((f"{finding.level:<8}", STYLES[finding.level]), (f"{finding.about}: ", "bold"), finding.text)
        )
    counts = Counter(finding.level for finding in seen)
    console.print(
        f"\n{counted(counts[Level.PROBLEM], 'problem')}, {counted(counts[Level.HINT], 'hint')}, "
        f"{counted(counts[Level.OK], 'thing')} in order"
    )
    return seen


def failed(findings: Sequence[Finding]) -> bool:
    return any(finding.level is Level.PROBLEM for finding in findings)
