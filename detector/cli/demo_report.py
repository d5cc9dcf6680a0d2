"""The end of the demo on paper: what happened, what was done about it, and that nobody else was hurt."""

import json
from dataclasses import asdict
from pathlib import Path
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from detector.cli.demo_result import Result
from detector.cli.words import counted

SHOWN_OF_HASH = 36
INDENT = "  "
TEXT_WIDTH = 78


def report(result: Result, plain: bool) -> None:
    """Print it, for a terminal of 80 columns."""
    console = Console(highlight=False, width=80 if plain else None)

    def section(title: str, *lines: str) -> None:
        console.print(Text(f"\n{title}", "bold"))
        for line in lines:
            indent = " " * (len(line) - len(line.lstrip()))
            for part in wrap(line, TEXT_WIDTH, subsequent_indent=f"{indent}  ") or [""]:
                console.print(Text(f"{INDENT}{part}".rstrip()), soft_wrap=True)

    section("What happened", *_story(result))
    section("Why: the explanation that operators see", *(f"- {line}" for line in result.explanation))
    section(
        "The password",
        f"before  {result.password_before[:SHOWN_OF_HASH]}...",
        f"after   {result.password_after[:SHOWN_OF_HASH]}...",
        "Nobody knows the new one: it was drawn, hashed and forgotten. The stolen one "
        + ("still opens the account!" if result.stolen_password_works else "was tried and opens nothing any more."),
    )
    section(f"The notice, as it arrived at {result.notice_to or '(nowhere)'}", *result.notice.rstrip().splitlines())
    section(
        "What the operators' program was told, the last time",
        *json.dumps(_shortened(result.alert), indent=2).splitlines(),
    )
    section("And the others", *_others(result))
    _verdict(console, result)


def write_json(result: Result, path: Path) -> None:
    path.write_text(json.dumps({**asdict(result), "passed": result.passed}, indent=2) + "\n", "utf-8")


def _story(result: Result) -> list[str]:
    return [
        f"{result.account} was hijacked: {counted(result.stolen_messages, 'message')} "
        f"to {counted(result.stolen_recipients, 'stranger')}.",
        f"{result.escaped:>5}  got it before the account was blocked",
        f"{result.refused:>5}  do not exist, which the next hop said",
        f"{result.held:>5}  are held here, until operators release or discard them",
        f"{result.kept_back:>5}  wait at the submission server, where operators delete them",
        "",
        f"{_number(result.asked_before_verdict):>5}  recipients had been named when the verdict fell"
        + (f" (score {result.score:.1f})" if result.score is not None else ""),
        f"{_seconds(result.seconds_to_block):>5}  s from the first stolen message to the block",
        f"{_seconds(result.seconds_to_password):>5}  s from the verdict to the changed password",
        f"{_seconds(result.seconds_to_notice):>5}  s from the verdict to the notice",
    ]


def _others(result: Result) -> list[str]:
    lines = []
    for other in result.others:
        told = f"{other.passed} of {counted(other.recipients, 'recipient')} reached"
        if other.paced_for_a_while:
            told += f", {other.paced_for_a_while} of them later"
        told += f"; longest wait {other.longest_wait:.1f} s"
        lines.append(f"{other.account.partition('@')[0]:<14}{told}")
    lines.append("")
    lines.append(
        f"{counted(result.incidents, 'incident')} in all. The next hop has "
        + ("exactly the mail that was answered 250." if result.arrived_as_told else "other mail than was answered 250!")
    )
    return lines


def _verdict(console: Console, result: Result) -> None:
    console.print()
    if result.passed:
        console.print(Text("The hijacked account was stopped, and nobody else was hurt.", "bold green"))
    for problem in result.problems:
        console.print(Text(f"It did not go as it must: {problem}", "bold red"))


def _shortened(alert: dict[str, object]) -> dict[str, object]:
    evidence = alert.get("evidence")
    if not isinstance(evidence, list) or len(evidence) < 3:
        return alert
    return {**alert, "evidence": [evidence[0], f"... and {len(evidence) - 1} more lines, as above"]}


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
