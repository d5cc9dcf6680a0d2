"""Whether a server runs, takes mail, and what its metrics say of it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from detector.cli.doctor_part import Fact, Part
from detector.cli.finding import Finding, Level, hint, problem
from detector.config import HostPort
from detector.host import held_by_a_server

PATIENCE = 5.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""A server that listens everywhere is asked on this host."""

MOSTLY, ENOUGH = 0.5, 100.0
"""Of at least so many messages, the share without a login from which on the set-up is wrong, not a stray message."""

Samples = Sequence[tuple[str, Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A metric, when its value is bad, and what to do then; `{value}` and labels stand for what was found."""

    metric: str
    bad: Callable[[float], bool]
    level: Level
    advice: str
    only: str = ""
    """A pattern that one of its labels must match."""


def _some(value: float) -> bool:
    return value > 0.0


RULES = (
    Rule(
        "detector_state_degraded",
        _some,
        Level.PROBLEM,
        "the store `{store}` cannot be read or written: look at disk space, at the rights of state.directory, and for "
        "`records` at the database; `detector check` tries it",
    ),
    Rule(
        "detector_next_hop_up",
        lambda value: value == 0.0,
        Level.PROBLEM,
        "the next hop {server} does not answer: `detector check` says why",
    ),
    Rule(
        "detector_password_breaker_open",
        _some,
        Level.PROBLEM,
        "too many passwords were to be changed within an hour, and now they wait: `detector incidents list`, then "
        "`detector incidents approve --all-waiting` or dismiss them",
    ),
    Rule(
        "detector_response_frozen",
        _some,
        Level.HINT,
        "containments are frozen: `detector response unfreeze` when the maintenance is over",
    ),
    Rule(
        "detector_held_messages",
        _some,
        Level.PROBLEM,
        "{value} held messages are {state} and wait for a person: `detector held list`",
        only="in_doubt|undeliverable",
    ),
    Rule(
        "detector_held_expiring",
        _some,
        Level.HINT,
        "{value} held messages go within three days because nobody decides: `detector held list`",
    ),
    Rule(
        "detector_held_damaged",
        _some,
        Level.PROBLEM,
        "the files of {value} held messages are missing: bring the hold directory back from where it went",
    ),
    Rule(
        "detector_address_blocked",
        lambda value: value > 2.0,
        Level.PROBLEM,
        "servers turned {value} recipients of the last hour away because of our own address: contain who sends spam "
        "(`detector accounts list`), then ask for the delisting",
    ),
    Rule(
        "detector_broken_judgements_total",
        _some,
        Level.HINT,
        "{value} transactions since the start could not be judged: look for `internal_error` in the log",
    ),
    Rule(
        "detector_content_errors_total",
        _some,
        Level.HINT,
        "{value} contents since the start could not be read: look for `content_failed` in the log",
    ),
    Rule(
        "detector_containment_steps_total",
        _some,
        Level.HINT,
        "the step {step} was given up {value} times since the start: `detector incidents list`, and do it by hand",
        only="failed",
    ),
    Rule(
        "detector_hook_deliveries_total",
        _some,
        Level.HINT,
        "{value} deliveries to hooks were given up since the start: `detector check` tries each hook",
        only="failed",
    ),
)


def examine_health(listen: HostPort, directory: Path, now: float) -> tuple[Part, str]:
    """The part, and the page of metrics as the server gave it; empty when there was none."""
    live, ready = _ask(listen, "/health/live"), _ask(listen, "/health/ready")
    if live is None:
        return Part("health", {"running": False}, [_silent(listen, directory)]), ""
    if live != "alive":
        text = f"another program answers at {listen}: `ss -ltnp` tells which; stop it, or change metrics.listen"
        return Part("health", {"running": False}, [problem("server", text)]), ""
    page = _ask(listen, "/metrics") or ""
    samples = [(s.name, s.labels, s.value) for family in text_string_to_metric_families(page) for s in family.samples]
    facts: dict[str, Fact] = {"running": True, "ready": ready == "ready"}
    findings = [] if ready == "ready" else [problem("server", "it runs and takes no mail yet: look at its log")]
    return Part("health", facts | _figures(samples, now), [*findings, *judged(samples)]), page


def judged(samples: Samples) -> Iterator[Finding]:
    """What is bad by the rules, and whether the logins arrive."""
    for rule in RULES:
        for name, labels, value in samples:
            if name == rule.metric and rule.bad(value) and _matches(rule.only, labels):
                yield Finding(rule.level, name, rule.advice.format(value=f"{value:g}", **labels))
    yield from _logins(samples)


def _logins(samples: Samples) -> Iterator[Finding]:
    by_source = {labels["source"]: value for name, labels, value in samples if name == "detector_identities_total"}
    everything = sum(by_source.values())
    if everything >= ENOUGH and by_source.get("none", 0.0) > MOSTLY * everything:
        yield problem(
            "identities",
            f"of {everything:g} messages {by_source['none']:g} came without a login and were not judged: "
            "`detector check`, and compare Postfix with the README",
        )


def _figures(samples: Samples, now: float) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for name, labels, value in samples:
        if name == "detector_build_info":
            facts["version"] = labels["version"]
        elif name == "process_start_time_seconds":
            facts["uptime_seconds"] = max(0.0, now - value)
        elif name == "detector_workers":
            facts["workers"] = int(value)
        elif name == "process_resident_memory_bytes":
            facts["memory_bytes"] = int(value)
    totals = {
        "transactions": "detector_transactions_total",
        "blocked_accounts": "detector_blocked_accounts",
        "held_messages": "detector_held_messages",
        "client_connections": "detector_client_connections",
    }
    for words, metric in totals.items():
        facts[words] = int(sum(value for name, _, value in samples if name == metric))
    return facts


def _matches(only: str, labels: Mapping[str, str]) -> bool:
    return not only or any(re.fullmatch(only, value) for value in labels.values())


def _silent(listen: HostPort, directory: Path) -> Finding:
    try:
        held = held_by_a_server(directory)
    except OSError as error:
        return problem(
            "server",
            f"no health page at {listen}, and {directory} cannot be looked into: {os.strerror(error.errno or 0)}",
        )
    if held:
        return problem(
            "server", f"one runs in {directory}, and no health page answers at {listen}: is it the same configuration?"
        )
    return problem("server", "none runs: `systemctl start detector`, and look at its log if it does not stay")


def _ask(listen: HostPort, path: str) -> str | None:
    """What the server answers; None when nobody does."""
    address = HostPort(host=EVERYWHERE.get(listen.host, listen.host), port=listen.port)
    try:
        with urlopen(f"http://{address}{path}", timeout=PATIENCE) as answer:
            return str(answer.read().decode("utf-8", "replace")).strip()
    except HTTPError as error:
        with error:
            return str(error.read().decode("utf-8", "replace")).strip()
    except (OSError, ValueError):
        return None


def compared(health: Part, installed: str, workers: int) -> Iterator[Finding]:
    """Whether what runs is what is installed, and as many processes as are configured."""
    running = health.facts.get("version", installed)
    if running != installed:
        yield hint("version", f"{running} runs and {installed} is installed: restart the server to take it over")
    alive = health.facts.get("workers", workers)
    if isinstance(alive, int) and 0 < alive < workers:
        yield problem(
            "workers", f"{alive} of {workers} take mail: look for `worker_died` and `worker_failed` in the log"
        )
