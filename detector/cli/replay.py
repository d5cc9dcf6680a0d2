"""`detector replay`: recorded mail through the engine of the relay, to try it before anything is installed."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.options import examples

EXAMPLES = examples(
    "detector replay --format postfix /var/log/mail.log*",
    "zcat old.gz | detector replay --format postfix --html report.html -",
    "detector replay --format maildir --json report.json ~ann/Maildir/.Sent",
)


class Format(StrEnum):
    """How the record is written."""

    JSONL = "jsonl"
    POSTFIX = "postfix"
    MBOX = "mbox"
    MAILDIR = "maildir"


def replay(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="The record; - is standard input.")],
    form: Annotated[Format, typer.Option("--format", "-f", help="How it is written.", show_default=False)],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the report there as JSON.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the report there as one page with pictures.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="Judge by the [judging] of this file."),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="jsonl: answer {} to lines that are no events, and count them.")
    ] = False,
) -> None:
    """Try the detector on recorded mail before anything is installed.

    The record runs through the engine of the relay in recorded time, with the shipped thresholds or those of a
    configuration, and nothing is sent or stored. The report tells which accounts would have been stopped, when, why,
    and after how many recipients, and whose mail would have been held.

    \b
    postfix  log files, in any order, plain or gzip; mail without a login
             is passed over
    mbox, maildir
             folders of sent mail, an mbox plain or gzip; the account is
             the From address
    jsonl    one JSON event a line, plain or gzip, answered one line each
             with the decision; here accounts are really stopped
    """  # noqa: D301 - click wants the backspace itself
    from detector.cli.replay_run import configured_policy, converse, report

    policy = configured_policy(config)

    if form is Format.JSONL:
        if json_file or html_file:
            raise typer.BadParameter("jsonl is answered line by line; there is no report", param_hint="--json, --html")
        status = converse(files, policy, keep_going)
    else:
        status = report(form.value, files, policy, json_file, html_file)
    if status:
        raise typer.Exit(status)
