"""Runs a replay for `detector replay`: opens the record, shows how far it is, and writes the report."""

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from detector.cli import ends
from detector.cli.replay_page import show
from detector.cli.words import counted
from detector.config import Judging, load
from detector.content.reader import Reader
from detector.mail.transaction import Transaction
from detector.mail.written import NOTHING, Written
from detector.models import load_content, load_prior
from detector.replay.boxes import Count, NoBox, open_maildir, open_mbox, transactions
from detector.replay.engine import Engine
from detector.replay.findings import Collector, Findings
from detector.replay.html_page import html_page
from detector.replay.jsonl import Malformed, answers
from detector.replay.log_files import NoLog, in_order, read_lines, unpacked
from detector.replay.postfix import Joiner
from detector.replay.profiles import Profiles
from detector.verdict.policy import Policy

Advance = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Record:
    """A record that is opened: its transactions with their messages, and then sentences and figures about the reading.

    A log has no messages: there is `NOTHING` of them.
    """

    transactions: Iterator[tuple[Transaction, Written]]
    notes: Callable[[], list[str]]
    counts: Callable[[], dict[str, int]]


def converse(files: list[str], policy: Policy, keep_going: bool) -> int:
    """Answer each line of format `jsonl`; the exit status."""
    broken = 0

    def skipped(reason: str) -> None:
        nonlocal broken
        broken += 1
        print(f"detector: skipped {reason}", file=sys.stderr)

    out = sys.stdout.buffer
    engine = Engine(policy, Profiles(), shipped_reader())
    settled()
    try:
        for answer in answers(lines_of(files), engine, skipped if keep_going else None):
            out.write(answer + b"\n")
            out.flush()
    except (Malformed, NoLog) as error:
        return _mistake(str(error))
    if broken:
        print(f"detector: {counted(broken, 'line')} skipped", file=sys.stderr)
    return 0


def settled() -> None:
    """For a long run: what is loaded stays, and new values have no cycles, so that the collector may come seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def report(form: str, files: list[str], policy: Policy, json_file: Path | None, html_file: Path | None) -> int:
    """Replay a log or a folder, show what was found and write it to the files; the exit status."""
    for path in (json_file, html_file):
        if path is not None and (hindrance := _hindrance(path)):  # said before hours of reading, not after
            return _mistake(f"{path}: cannot be written: {hindrance}")
    profiles, collector = Profiles(), Collector(policy.block_score)
    engine = Engine(policy, profiles, shipped_reader(), observe=True)
    try:
        with opened(form, files) as record:
            for transaction, message in record.transactions:
                collector.add(engine.transact(transaction, message))
    except (NoLog, NoBox) as error:
        return _mistake(str(error))
    findings, notes = collector.findings(), record.notes()
    if profiles.forgotten:
        notes.append(f"{counted(profiles.forgotten, 'profile')} had to be forgotten for lack of room.")
    show(findings, notes)
    return _write(json_file, html_file, findings, notes, record.counts())


def _hindrance(path: Path) -> str:
    """Why no report can be written there; empty if one can."""
    if not path.parent.is_dir():
        return f"there is no directory {path.parent}"
    if path.is_dir():
        return "it is a directory"
    return "" if os.access(path if path.exists() else path.parent, os.W_OK) else "permission denied"


def _write(
    json_file: Path | None, html_file: Path | None, findings: Findings, notes: list[str], counts: dict[str, int]
) -> int:
    try:
        if json_file is not None:
            content = {"reading": counts} | msgspec.to_builtins(findings, str_keys=True)
            text = json.dumps(content, indent=2, ensure_ascii=False)
            json_file.write_bytes(text.encode("utf-8", "replace") + b"\n")  # a login need not be UTF-8
        if html_file is not None:
            html_file.write_text(html_page(findings, notes), "utf-8", "replace")
    except OSError as error:
        return _mistake(str(error))
    return 0


@contextmanager
def opened(form: str, files: list[str]) -> Iterator[Record]:
    """A log or a folder, with progress while it is read. Raises `NoLog` and `NoBox`, also later."""
    with progress() as (total, advance):
        yield _log(files, total, advance) if form == "postfix" else _boxes(form, files, total, advance)


@contextmanager
def progress() -> Iterator[tuple[Advance, Advance]]:
    """How much there is and how much more is done; on standard error, and only where somebody looks at it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=None)

        def advance(amount: int) -> None:
            bar.advance(task, amount)

        def total(amount: int) -> None:
            bar.update(task, total=amount or None)

        yield total, advance


def _log(files: list[str], total: Advance, advance: Advance) -> Record:
    logs, joiner = in_order(files), Joiner()
    total(sum(log.size_bytes for log in logs))
    count = joiner.count

    def notes() -> list[str]:
        lines = f"{counted(count.lines, 'line')} read, {count.used} of them about messages, {count.broken} broken."
        if count.logins:
            return [lines]
        return [lines, "No line names a login (sasl_username=): is this the log of a submission server?"]

    return Record(
        ((transaction, NOTHING) for transaction in joiner.transactions(read_lines(logs, advance))),
        notes,
        lambda: {"lines": count.lines, "used": count.used, "broken": count.broken, "messages_with_login": count.logins},
    )


def _boxes(form: str, files: list[str], total: Advance, advance: Advance) -> Record:
    boxes = [open_mbox(name) if form == "mbox" else open_maildir(name) for name in files]
    total(sum(len(box) for box in boxes))
    count = Count()
    return Record(
        transactions(boxes, count, advance),
        lambda: [
            f"{counted(count.messages, 'message')} read, {count.broken} without credible date, author or recipients."
        ],
        lambda: {"messages": count.messages, "broken": count.broken},
    )


def lines_of(files: list[str]) -> Iterator[bytes]:
    """The lines of files, plain or gzip, and of standard input. Raises `NoLog`."""
    for name in files:
        if name == "-":
            yield from sys.stdin.buffer
        else:
            with unpacked(name) as (_, content):
                yield from content


def shipped_policy() -> Policy:
    prior, model_version = load_prior()
    # The hashes never leave this process: nobody can look for a recipient in them, so their key need not be secret.
    return Policy(b"replay", prior, model_version)


def configured_policy(path: Path | None) -> Policy:
    """By the thresholds of a configuration, or the shipped ones. Raises `ConfigError`."""
    return shipped_policy() if path is None else policy_with(load(path).judging)


def policy_with(judging: Judging) -> Policy:
    return replace(shipped_policy(), **judging.model_dump())


def shipped_reader() -> Reader:
    model, usual, _ = load_content()
    return Reader(model, usual)


def _mistake(words: str) -> int:
    print(f"detector: {words}", file=sys.stderr)
    return ends.MISTAKE
