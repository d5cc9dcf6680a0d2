"""`detector doctor`: how everything is, on one page, and a bundle of it for those who help."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli import ends
from detector.cli.options import DEFAULT_CONFIG, Actor, AsJson, ConfigArgument, ConfigFile, examples

if TYPE_CHECKING:  # loading these takes time that `--help` has no use for
    from detector.cli.doctor_part import Part, Report
    from detector.cli.office import Office
    from detector.config import Config

EXAMPLES = examples(
    "detector doctor",
    "detector doctor --json",
    "detector doctor --bundle /root/bundle.tar.gz --log /var/log/detector.log",
)

Bundle = Annotated[
    Path | None, typer.Option("--bundle", metavar="FILE", help="Write a redacted support bundle (.tar.gz) there.")
]
LogFile = Annotated[
    Path | None, typer.Option("--log", metavar="FILE", help="With --bundle: put the end of this log in, redacted.")
]


@dataclass(frozen=True, slots=True)
class Look:
    """What was found, and the page of metrics of a server that runs."""

    report: "Report"
    metrics: str


def doctor(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    file: ConfigArgument = None,
    bundle: Bundle = None,
    log: LogFile = None,
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """How everything is, on one page, also while the server is down.

    Health, versions, models and their age, what the configuration changes, sizes of all stores, open incidents, breaker
    and freeze, last calibration, disks, clock, secret files, certificates. What is wrong comes first, with what to do;
    exit status 1 if there is a problem. Nothing is changed, and of other hosts only our own databases are asked;
    `detector check` tries the rest.

    A bundle is for somebody who helps you: the same without accounts, addresses, hosts and secrets, and the page of
    metrics. An existing file is not overwritten. Look through it before you hand it on.

    Roles: a viewer looks, an operator makes bundles. Both are in the audit log.
    """
    from detector.cli.doctor_page import show
    from detector.cli.page import print_json

    if log is not None and bundle is None:
        raise typer.BadParameter("give --bundle FILE, too: a log is put into a bundle only", param_hint="--log")
    with ExitStack() as stack:
        settings, office, broken = _enter(stack, file or config, actor, bundle)
        look = _look(settings, office, broken)
        if bundle is not None:
            _bundle(settings, office, look, bundle, log)
        elif as_json:
            print_json(look.report)
        else:
            show(look.report)
    if not look.report.well:
        raise typer.Exit(ends.NO)


def _enter(stack: ExitStack, path: Path, actor: str, bundle: Path | None) -> "tuple[Config, Office | None, list[Part]]":
    """Configuration, records, and what is wrong with these: the doctor is called when they cannot be opened, too.

    Raises `ConfigError` for the configuration, and `NotAllowed`.
    """
    from detector.cli.doctor_part import Part
    from detector.cli.finding import problem
    from detector.cli.office import login, name_of, opened
    from detector.cli.roles import Role, demand, person, role_of
    from detector.config import ConfigError, load
    from detector.ports import Temporary

    settings = load(path)
    needs = Role.VIEWER if bundle is None else Role.OPERATOR
    typist = login(settings.state.directory)
    name_of(actor, typist)
    try:
        _refuse_to_upgrade(settings)
        office = stack.enter_context(opened(path, actor, Role.VIEWER))
    except (Temporary, ConfigError) as error:
        demand(needs, role_of(settings.operators, person(typist, settings.state.directory)), "doctor")
        print("detector: this look is not in the audit log: the records cannot be opened", file=sys.stderr)
        return settings, None, [Part("records", {}, [problem("records", str(error))])]
    office.need(needs)
    office.looked("health" if bundle is None else "support bundle", "" if bundle is None else bundle.name)
    return settings, office, []


def _refuse_to_upgrade(config: "Config") -> None:
    """Whoever opens records of an older program brings them up to date, and a doctor changes nothing.

    Raises `ConfigError`. What cannot be read is left to who opens it, and knows more words for it.
    """
    from detector.cli.office import sqlite_file
    from detector.config import ConfigError
    from detector.ports import Temporary
    from detector.records.engine import stored_version
    from detector.records.schema import HEAD

    file = sqlite_file(config)
    if file is not None and not file.exists():
        return
    version: str | None = HEAD
    with suppress(Temporary):
        version = stored_version(config.records_url)
    if version is None:
        msg = "they are empty, for the first start broke off: make room if the disk is full, then start the server"
        raise ConfigError(msg)
    if version < HEAD:
        msg = f"they have schema version {version}: back up, then start the server, which brings them to {HEAD}"
        raise ConfigError(msg)


def _look(config: "Config", office: "Office | None", broken: "list[Part]") -> Look:
    from detector.cli.check_shared import check_shared
    from detector.cli.doctor_clock import examine_clock
    from detector.cli.doctor_health import compared, examine_health
    from detector.cli.doctor_part import Part, report
    from detector.cli.doctor_secrets import examine_certificates, examine_secrets
    from detector.cli.doctor_settings import examine_settings
    from detector.cli.doctor_stores import examine_disks, examine_stores
    from detector.cli.doctor_versions import examine_models, examine_versions, program_version
    from detector.cli.office import clock

    now = clock()
    health, metrics = examine_health(config.metrics.listen, config.state.directory, now)
    health = Part(health.name, health.facts, [*health.findings, *compared(health, program_version(), config.workers)])
    parts = [
        health,
        *(_recorded(office, now) if office else broken),
        examine_stores(config),
        Part("shared state", {}, list(check_shared(config))),
        examine_disks(config),
        examine_clock(now, _newest(office) if office else None),
        examine_secrets(config),
        examine_certificates(config, now),
        examine_versions(),
        examine_models(now),
        examine_settings(config),
    ]
    return Look(report(now, parts), metrics)


def _newest(office: "Office") -> float | None:
    """When (Unix seconds) the audit log was written to before this look; None where it cannot be read."""
    from detector.ports import Temporary

    with suppress(Temporary):
        return next((entry.at for entry in office.records.audit_log(2)[1:]), None)
    return None


def _recorded(office: "Office", now: float) -> "Iterator[Part]":
    from detector.cli.doctor_part import Part
    from detector.cli.doctor_records import examine_records
    from detector.cli.finding import problem
    from detector.ports import Temporary

    try:
        yield from examine_records(office.records, office.config, now)
    except Temporary as error:
        yield Part("records", {}, [problem("records", f"{error}: is the database up, and the disk not full?")])


def _bundle(config: "Config", office: "Office | None", look: Look, bundle: Path, log: Path | None) -> None:
    from detector.cli.doctor_bundle import ABOUT, contents, last_lines, redactor_for, write_bundle
    from detector.cli.ends import Impossible
    from detector.cli.office import profiles_of
    from detector.cli.page import Page
    from detector.cli.words import counted
    from detector.ports import Temporary

    try:
        accounts = profiles_of(config).accounts()
        standing = office.records.standing() if office else None
    except Temporary as error:
        msg = f"{error}: without the names of accounts nothing can be redacted"
        raise Impossible(msg) from error
    decided = (*standing.blocks, *standing.exemptions, *standing.cohorts) if standing else ()
    redactor = redactor_for(config, [*accounts, *decided])
    files = contents(look.report, config, look.metrics, redactor)
    if log is not None:
        files["log.txt"] = last_lines(log, redactor)
    octets = write_bundle(bundle, files, look.report.at)
    page = Page()
    page.line(f"{bundle} has {counted(octets, 'octet')}, and only you may read it. In it:")
    for line in ABOUT.splitlines()[2:]:
        page.line(line)
    page.line("Look through it before you hand it on.")
