"""Options that several commands have, with one meaning."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("/etc/detector/detector.toml")


def folded(account: str) -> str:
    """A login as accounts are named everywhere behind the relay: in lower case.

    >>> folded("SUE@example.net ")
    'sue@example.net'
    """
    return account.strip(" \t").lower()


ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="DETECTOR_CONFIG", metavar="FILE", help="The configuration.")
]
ConfigArgument = Annotated[Path | None, typer.Argument(metavar="FILE", help="The same as --config FILE.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, for programs.")]
Actor = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Who decides, for the audit log. Your login is noted beside it.", show_default="you"
    ),
]
Most = Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="So many lines at most.")]
Account = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="The login name, in upper or lower case.", callback=folded)
]


def examples(*lines: str) -> str:
    """What stands at the end of a command's help."""
    # \b keeps line breaks (https://click.palletsprojects.com/en/stable/documentation/#escaping-click-s-wrapping).
    return "\b\n" + "\n".join([f"Example{'s' if len(lines) > 1 else ''}:", *[f"  {line}" for line in lines]])
