"""`detector accounts`: what is known about an account, and what a person decides about it."""

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from detector.cli.ends import Impossible
from detector.cli.exemptions import Days, PerDay, PerHour, Until, declared, end_of
from detector.cli.options import DEFAULT_CONFIG, Account, Actor, AsJson, ConfigFile, Most, examples, folded

HELP = """Look at accounts, exempt or release them, say what kind they are.

Works while the server runs and while it does not; a running server takes a decision over within about a second. Every
look and every decision is written to the audit log.

Roles: a viewer lists and shows, an operator does the rest.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the audit log and your colleagues.")]


@app.command("list", epilog=examples("detector accounts list", "detector accounts list example.org -n 200"))
def list_accounts(
    part: Annotated[
        str, typer.Argument(metavar="[PART]", help="Only accounts whose name contains this.", callback=folded)
    ] = "",
    limit: Most = 50,
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Blocked accounts first, then the most suspicious."""
    from detector.cli.account_pages import show_lines
    from detector.cli.dossier import lines
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    with opened(config, actor, Role.VIEWER) as office:
        office.looked("accounts", part)
        found = lines(office, part)
        if as_json:
            print_json(found[:limit])
        else:
            show_lines(found, limit, office.clock())


@app.command(epilog=examples("detector accounts show ann@example.org"))
def show(account: Account, config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False) -> None:
    """What speaks against an account now, and what was decided.

    In words and in figures; these are those of the last writing: a running server writes each second.
    """
    from detector.cli.account_pages import show_dossier
    from detector.cli.dossier import collect, never_seen
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    with opened(config, actor, Role.VIEWER) as office:
        office.looked("account", account)
        dossier = collect(office, account)
        if dossier.nothing_known:
            raise Impossible(never_seen(office, account))
        if as_json:
            print_json(dossier)
        else:
            show_dossier(dossier, office.config.judging, office.clock())


@app.command(
    epilog=examples(
        'detector accounts exempt club@example.org --recipients-per-day 2000 --reason "monthly letter"',
        'detector accounts exempt shop@example.org --days 2 --recipients-per-hour 500 --reason "sale"',
        'detector accounts exempt head@example.org --days 1 --reason "general meeting, ticket 4711"',
    )
)
def exempt(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    account: Account,
    reason: Reason,
    days: Days = None,
    until: Until = None,
    recipients_per_hour: PerHour = None,
    recipients_per_day: PerDay = None,
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Let an account pass: its declared bulk mail, or everything for some days.

    With ceilings it passes while it keeps within them, and is judged like any other while it is above: say what the
    customer has announced. Slightly more is tolerated, twice as much at once is not. A declaration does not lift a
    block.

    Without ceilings everything passes, whatever is found and in spite of a block; also what a thief sends who has
    stolen the password meanwhile. A declaration with ceilings is safer.

    All of it is still judged and recorded. A later exemption replaces an earlier one.
    """
    from detector.cli.account_pages import show_exemption
    from detector.cli.dossier import never_seen
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role
    from detector.records.entries import Exemption

    account = named(account)
    declaration = declared(recipients_per_hour, recipients_per_day)
    with opened(config, actor, Role.OPERATOR) as office:
        now = office.clock()
        end = end_of(days, until, declaration, now)
        exemption = Exemption(account, end, office.actor, given(reason), recipients_per_hour, recipients_per_day)
        incident_id = office.records.standing().blocks.get(account)
        unknown = "" if incident_id else never_seen(office, account)
        office.records.exempt(exemption, now)
        if as_json:
            print_json(asdict(exemption) | {"incident": incident_id, "seen": not unknown})
        else:
            show_exemption(exemption, incident_id, unknown)


@app.command(epilog=examples("detector accounts unexempt club@example.org"))
def unexempt(
    account: Account,
    reason: Reason = "",
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """End an exemption now."""
    from detector.cli.office import opened
    from detector.cli.page import Page, print_json
    from detector.cli.roles import Role

    account = named(account)
    with opened(config, actor, Role.OPERATOR) as office:
        if not office.records.unexempt(account, office.actor, office.clock(), reason.strip()):
            msg = f"{account} has no exemption"
            raise Impossible(msg)
        if as_json:
            print_json({"account": account})
        else:
            Page().line(f"The exemption of {account} has ended.")


@app.command(epilog=examples("detector accounts cohort shop@example.org application"))
def cohort(
    account: Account,
    kind: Annotated[
        Literal["person", "organisation", "application", "learned"],
        typer.Argument(help="With whom it is compared; `learned` leaves that to its own mail again."),
    ],
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Say what kind of sender an account is.

    A person writes mail, an organisation (a club, an office) also writes to many at a time, an application sends what
    a program makes: order confirmations, notifications. It decides what is usual for an account as long as little is
    known of itself.
    """
    from detector.cli.account_pages import show_cohort
    from detector.cli.dossier import never_seen
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role
    from detector.traffic.cohort import Cohort

    account = named(account)
    with opened(config, actor, Role.OPERATOR) as office:
        assigned = None if kind == "learned" else Cohort(kind)
        office.records.assign_cohort(account, assigned, office.actor, office.clock())
        unknown = never_seen(office, account)
        if as_json:
            print_json({"account": account, "cohort": assigned or "", "seen": not unknown})
        else:
            show_cohort(account, assigned, unknown)


@app.command(epilog=examples('detector accounts release ann@example.org --reason "all devices scanned, ticket 4711"'))
def release(
    account: Account, reason: Reason, config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False
) -> None:
    """Let an account send again after a confirmed incident.

    Because the customer has cleaned up. The strike stays. What led to the block is forgotten, so that it does not
    block again; known recipients and usual networks stay. For a false alarm, dismiss the incident instead.

    Before it, delete the thief's mail that waits in the submission server's queue, it would be delivered: `detector
    incidents show` has the commands.
    """
    from detector.cli.decisions import release as decide
    from detector.cli.decisions import tell
    from detector.cli.incident_pages import show_release
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    with opened(config, actor, Role.OPERATOR) as office:
        incident = decide(office, account, given(reason))
        if as_json:
            print_json(incident)
        else:
            show_release(tell(office, incident))


def named(account: str) -> str:
    if not account:  # as a script has it whose variable is empty
        raise typer.BadParameter("name an account", param_hint="ACCOUNT")
    return account


def given(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("a reason is needed: the audit log asks for it", param_hint="--reason")
    return reason.strip()
