"""`detector calibrate`: from an operator's own clean traffic to thresholds that keep a budget of false alarms."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.options import DEFAULT_CONFIG, Actor, AsJson, examples, folded
from detector.cli.replay import Format

if TYPE_CHECKING:
    from detector.cli.calibrate_result import Budgets, Known, Watch
    from detector.config import Judging

EXAMPLES = examples(
    "detector calibrate --format postfix /var/log/mail.log*",
    "detector calibrate --live",
    "detector calibrate --live --budget 0.2 --taken-over ann@example.org",
)


def _names(given: list[str] | None) -> list[str]:
    return [folded(name) for name in given or ()]


def calibrate(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE...]", help="A record; - is standard input.", show_default=False)
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", "-f", help="How the record is written.", show_default=False)
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="From the profiles of the server, running or not.")] = False,
    budget: Annotated[
        float, typer.Option(min=0.01, max=100.0, metavar="N", help="False blocks in 1000 account-months.")
    ] = 0.5,
    hold_budget: Annotated[
        float, typer.Option(min=0.01, max=1000.0, metavar="N", help="False holds in 1000 account-months.")
    ] = 8.0,
    warm_up: Annotated[
        float, typer.Option(min=0.0, metavar="DAYS", help="Of a record: its first days only teach what is usual.")
    ] = 14.0,
    taken_over: Annotated[
        list[str] | None,
        typer.Option(metavar="ACCOUNT", help="Was taken over in truth: left out. May be repeated.", callback=_names),
    ] = None,
    innocent: Annotated[
        list[str] | None,
        typer.Option(metavar="ACCOUNT", help="You looked at it, nothing is wrong. May be repeated.", callback=_names),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            envvar="DETECTOR_CONFIG",
            metavar="FILE",
            help="The configuration. A record is judged as its [judging] says.",
            show_default=f"with --live {DEFAULT_CONFIG}",
        ),
    ] = None,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """How many innocent customers may be blocked? The answer becomes a threshold.

    The one knob is the budget: accounts that are blocked although nothing is wrong, in 1000 account-months (a thousand
    customers for a month). Clean traffic of your own tells how suspicious honest accounts get at most; the thresholds
    lie above that, so that even the upper 95 % confidence bound keeps the budget. A budget of 0.5 needs 6000
    account-months for that; with fewer, the tail is extrapolated, and the report says so.

    Printed are what was seen, what other thresholds would do, and the lines for the section [judging] of the
    configuration. Nothing is changed.

    Clean is the word: a hijacked account in the record raises the thresholds. The accounts that would have been
    blocked are listed; name those that were taken over, and calibrate again.

    With --live, after some weeks of looking on (observe = true), the report also says whether it is safe to enforce.
    Accounts with a confirmed incident, and exempt ones, are left out.
    """
    from detector.cli.calibrate_result import Budgets, Known

    known, budgets = Known(taken_over or (), innocent or ()), Budgets(budget, hold_budget)
    if live:
        if files or form:
            raise typer.BadParameter("profiles are no record: give no FILE and no --format", param_hint="--live")
        _live(config or DEFAULT_CONFIG, actor, known, budgets, as_json)
    elif not files or form is None:
        raise typer.BadParameter("give --format and FILE, or --live for the server's own profiles", param_hint="FILE")
    else:
        from detector.cli.calibrate_record import watch_record
        from detector.config import Judging, load

        judging = load(config).judging if config else Judging()
        _record(watch_record(form.value, files, warm_up, known, judging), budgets, judging, as_json)


def _record(watch: "Watch", budgets: "Budgets", judging: "Judging", as_json: bool) -> None:
    from detector.cli.calibrate_page import show
    from detector.cli.calibrate_result import calibrate as calculate
    from detector.cli.page import print_json

    calibration = calculate(watch, budgets, judging)
    if as_json:
        print_json(calibration)
    else:
        show(calibration, None)


def _live(config: Path, actor: str, known: "Known", budgets: "Budgets", as_json: bool) -> None:
    from detector.cli.calibrate_live import told, watch_live
    from detector.cli.calibrate_page import MOST_SUSPECTS, show
    from detector.cli.calibrate_result import calibrate as calculate
    from detector.cli.calibrate_safety import judge_safety
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    with opened(config, actor, Role.VIEWER) as office:
        office.looked("accounts", "to calibrate")
        watch = watch_live(office, known)
        calibration = calculate(watch, budgets, office.config.judging)
        safety = judge_safety(calibration, watch.accounts, office.clock())
        if as_json:
            everything = told(office, calibration, len(calibration.suspects))
            print_json({"calibration": everything, "safe_to_enforce": safety})
        else:
            show(told(office, calibration, MOST_SUSPECTS), safety)
