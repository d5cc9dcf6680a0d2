"""`detector replay`: recorded mail through the engine of the relay, to try it before anything is installed."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli import ends
from detector.cli.options import examples

if TYPE_CHECKING:  # loading these takes time that `--help` has no use for
    from detector.replay.engine import Engine


EXAMPLES = examples(
    "detector replay --format postfix /var/log/mail.log*",
)


class Format(StrEnum):
    """How the record is written."""

    JSONL = "jsonl"


def replay(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="The record; - is standard input.")],
    form: Annotated[Format, typer.Option("--format", help="How it is written.")],
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="jsonl: answer {} to lines that are no events, and count them.")
    ] = False,
) -> None:
    """Run recorded mail through the engine, in recorded time."""
    _converse(files, keep_going)


def _converse(files: list[str], keep_going: bool) -> None:
    from detector.replay.jsonl import Malformed, answers

    broken = 0

    def skipped(reason: str) -> None:
        nonlocal broken
        broken += 1
        print(f"detector: skipped {reason}", file=sys.stderr)

    out = sys.stdout.buffer
    try:
        for answer in answers(_lines(files), _engine(), skipped if keep_going else None):
            out.write(answer + b"\n")
            out.flush()
    except Malformed as error:
        print(f"detector: {error}", file=sys.stderr)
        raise typer.Exit(ends.MISTAKE) from error
    if broken:
        print(f"detector: {broken} lines skipped", file=sys.stderr)


def _lines(files: list[str]) -> Iterator[bytes]:
    for name in files:
        if name == "-":
            yield from sys.stdin.buffer
        else:
            with Path(name).open("rb") as file:
                yield from file


def _engine(observe: bool = False) -> "Engine":
    from detector.models import load_prior
    from detector.replay.engine import Engine
    from detector.replay.profiles import Profiles
    from detector.verdict.policy import Policy

    prior, model_version = load_prior()
    # The hashes never leave this process: nobody can look for a recipient in them, so their key need not be secret.
    return Engine(Policy(b"replay", prior, model_version), Profiles(), observe)
