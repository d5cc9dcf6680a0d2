"""`detector train`: from corpora to the models that are shipped."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.ends import Impossible
from detector.cli.options import AsJson, examples

HELP = """Make the models that are shipped, from the corpora that their cards name.

The same corpora give the same files, octet for octet. The text model needs beside the program: pip install
'outbound-abuse-detector[train]'.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None: ...


@app.command(epilog=examples("detector train content corpora/train/*.jsonl.gz --output /tmp/content"))
def content(
    corpora: Annotated[list[Path], typer.Argument(metavar="CORPUS...", exists=True, dir_okay=False)],
    output: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where model.npz and card.toml go.")] = Path(
        "models/content"
    ),
    as_json: AsJson = False,
) -> None:
    """The text model.

    A corpus is a file of labelled messages, one JSON object a line, gzip. Corpora whose terms forbid training
    (phishing_pot) only measure the result. Takes minutes, and one processor.
    """
    try:
        from detector.training.content import read_corpora, train, write
    except ModuleNotFoundError as error:
        msg = f"{error.name} is missing; install it with: pip install 'outbound-abuse-detector[train]'"
        raise Impossible(msg) from error
    with _progress() as tell:
        try:
            result = train(read_corpora(corpora, tell), tell)
            write(result, output)
        except (ValueError, KeyError, OSError) as error:
            msg = f"cannot train: {error}"
            raise Impossible(msg) from error
    _tell(result.metrics, f"{len(result.model.keys)} features in {output / 'model.npz'}", as_json)


@app.command(
    epilog=examples(
        "detector train ledger corpora/timelines/{email_eu_core_first150d,enron_perry,imagej_automated}.csv.gz"
    )
)
def ledger(
    timelines: Annotated[list[Path], typer.Argument(metavar="TIMELINE...", exists=True, dir_okay=False)],
    output: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where prior.toml and card.toml go.")] = Path(
        "models/ledger"
    ),
    as_json: AsJson = False,
) -> None:
    """What is usual for people, organisations and applications.

    A timeline is a CSV file, gzip, with the columns timestamp_utc_seconds, sender and recipients (separated by
    semicolons), in order of time. One whose name ends in _automated tells of programs, the others of people. Takes a
    minute.
    """
    from detector.training.ledger import train, write

    with _progress() as tell:
        try:
            result = train(timelines, tell)
            write(result, output)
        except (ValueError, KeyError, OSError) as error:
            msg = f"cannot train: {error}"
            raise Impossible(msg) from error
    _tell(result.metrics, f"{len(result.content.cohorts)} cohorts in {output / 'prior.toml'}", as_json)


def _tell(metrics: Mapping[str, float], made: str, as_json: bool) -> None:
    from detector.cli.page import print_json

    if as_json:
        print_json(dict(metrics))
        return
    for name, value in metrics.items():
        print(f"{value:8.3f}  {name}")
    print(made)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A bar on standard error; what is given is the word beside it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda text: progress.update(task, description=text)
