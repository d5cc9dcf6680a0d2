"""The command line: `detector COMMAND ...`."""

import gc
from pathlib import Path
from typing import Annotated

import typer

from detector.cli import (
    audit,
    calibrate,
    doctor,
    ends,
    feedback,
    held,
    incidents,
    password,
    privacy,
    records,
    replay,
    response,
    setup,
    train,
)
from detector.cli.options import DEFAULT_CONFIG, AsJson, ConfigArgument, ConfigFile, examples

HELP = f"""Recognise hijacked mail accounts by what they send, and stop them.

\b
  detector check                    does everything in the configuration work?
  detector setup postfix            which lines does this host's Postfix need?
  detector serve                    run the relay
  detector doctor                   how is everything? what is wrong, and what to do
  detector incidents list           who was stopped, and what waits for a person
  detector held list                which mail waits, and why
  detector accounts show ann@example.org
                                    what speaks against this account today?
  detector replay /var/log/mail.log whom would it have stopped?
  detector feedback bounce.eml      what does it say, and about whose mail?
  detector calibrate --live         which thresholds does my own mail ask for?
  detector demo                     the whole job on loopback, in a minute

The configuration is {DEFAULT_CONFIG}, or the file that --config or DETECTOR_CONFIG names.

{ends.MEANINGS}
"""

app = typer.Typer(
    cls=ends.Commands,
    name="detector",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help costs no import of rich
    pretty_exceptions_enable=False,  # they would print local variables: addresses and more
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.add_typer(privacy.app, name="accounts")  # the same group as in `accounts`, with more commands
app.add_typer(incidents.app, name="incidents")
app.add_typer(held.app, name="held")
app.add_typer(response.app, name="response")
app.add_typer(audit.app, name="audit")
app.add_typer(password.app, name="password")
app.add_typer(records.app, name="records")
app.add_typer(setup.app, name="setup")
app.add_typer(train.app, name="train")
app.command(epilog=replay.EXAMPLES)(replay.replay)
app.command(epilog=calibrate.EXAMPLES)(calibrate.calibrate)
app.command(epilog=feedback.EXAMPLES)(feedback.feedback)
app.command(epilog=doctor.EXAMPLES)(doctor.doctor)


@app.command(epilog=examples("detector serve /etc/detector/detector.toml"))
def serve(file: ConfigArgument = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Run the relay until SIGTERM.

    SIGHUP reads the configuration and certificates again; with a mistake in them everything stays as it was.
    These take a restart: workers, relay.listen, and the sections policy_service, state, records, hold, feedback (but
    tags), response, metrics and log.

    Events are told on standard error.
    """
    gc.disable()  # until `detector.process.settle_in`
    from detector.app import serve as run

    run(file or config)


@app.command(hidden=True)
def worker(descriptors: list[int]) -> None:
    """Take mail for a server that runs several processes; only the server itself starts this."""
    gc.disable()  # until `detector.process.settle_in`
    from detector.worker import work

    work(descriptors)


@app.command(
    epilog=examples("detector check", "detector check /tmp/new.toml && mv /tmp/new.toml /etc/detector/detector.toml")
)
def check(file: ConfigArgument = None, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Try everything that the configuration names.

    Directories, addresses, next hops, certificates, models, the database, and all that changes passwords, ends sessions
    and tells people. Nothing is changed. One line for each thing: ok, hint, or problem with what to do; exit status 1
    if there is a problem. It may run beside the server.
    """
    from detector.cli.check import examine, failed, show
    from detector.cli.office import clock
    from detector.cli.page import print_json
    from detector.config import load

    findings = examine(load(file or config), clock)
    if as_json:
        seen = list(findings)
        print_json(seen)
    else:
        seen = show(findings)
    if failed(seen):
        raise typer.Exit(ends.NO)


@app.command(epilog=examples("detector demo", "detector demo --plain --json result.json"))
def demo(
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of a live table.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Do not remove the directory with all files afterwards.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the result there as JSON.")
    ] = None,
) -> None:
    """The whole job on loopback, in about a minute.

    Eight customers send ordinary mail through a real detector, then one of them is hijacked and blasts. You see the
    verdicts, the changed password, the notice to the customer, the alert to the operators, and that nobody else is
    hurt; exit status 1 if not so. Everything happens in a temporary directory and on free ports.
    """
    from detector.cli.demo import play
    from detector.cli.demo_report import report, write_json
    from detector.cli.demo_stage import StageError

    try:
        result = play(plain, keep)
    except StageError as error:
        raise ends.Impossible(str(error)) from error
    except KeyboardInterrupt:
        print("Interrupted: everything was stopped and removed.")
        raise typer.Exit(130) from None
    report(result, plain)
    if json_file is not None:
        write_json(result, json_file)
    if not result.passed:
        raise typer.Exit(ends.NO)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from detector.content.kernel import COMPILED

        print(f"detector {version('outbound-abuse-detector')} ({'compiled' if COMPILED else 'not compiled'})")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command that the process was given."""
    app()
