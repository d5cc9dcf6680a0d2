"""`detector setup`: the lines that another server needs beside the hop. They are printed; nothing is changed."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.options import DEFAULT_CONFIG, ConfigFile, examples

app = typer.Typer(no_args_is_help=True, help="How another server is set up for the hop; changes nothing.")


class WayName(StrEnum):
    RELAYHOST = "relayhost"
    CONTENT_FILTER = "content-filter"
    BEFORE_QUEUE = "before-queue"


@app.callback()
def _root() -> None: ...


@app.command(
    epilog=examples("detector setup postfix", "detector setup postfix --way relayhost --directory /etc/postfix-out")
)
def postfix(
    way: Annotated[WayName | None, typer.Option(help="Only this one of the three ways.")] = None,
    directory: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The configuration of another instance: postmulti -l lists them.")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print the exact lines for this host's Postfix, and those that take them back.

    Reads postconf, and the addresses in the configuration if there is one already. Three ways: the next server after
    this one, a filter after the queue, or a filter before the queue. It says which one it recommends here, and why.
    """
    from detector.cli.setup_host import read_host
    from detector.cli.setup_page import page
    from detector.cli.setup_ways import WAYS
    from detector.config import Config, load

    settings = load(config) if config != DEFAULT_CONFIG or config.exists() else Config()
    ways = WAYS if way is None else tuple(known for known in WAYS if known == way)
    for line in page(read_host(directory), settings, ways):
        print(line)
