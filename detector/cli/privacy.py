"""`detector accounts export | correct | forget`: what customers may ask for about themselves."""

from typing import Annotated

import typer

from detector.cli.accounts import Reason, given, named
from detector.cli.ends import LATER, Impossible
from detector.cli.options import DEFAULT_CONFIG, Account, Actor, AsJson, ConfigFile, examples
from detector.cli.way_back import app

__all__ = ["app"]  # the group of `accounts`, with more commands


@app.command(epilog=examples("detector accounts export ann@example.org > ann.json"))
def export(account: Account, config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "") -> None:
    """All that is recorded about an account, as one JSON document.

    Its profile in words and figures, incidents with their stories, strikes, suspicious mail, exemptions, held mail
    without its content (`detector held export` has that), notices, and the entries of the audit log that name it.

    Names of colleagues stand in it. The export is in the audit log. Needs the role admin.
    """
    from detector.cli.copies import copy_of
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    account = named(account)
    with opened(config, actor, Role.ADMIN) as office:
        found = copy_of(office, account)
        # Not `looked`: without an entry nothing is handed out.
        office.records.audit(office.actor, "export account", account, office.clock())
        print_json(found)


@app.command(
    epilog=examples(
        'detector accounts correct ann@example.org --withdraw-strike 3f2a --reason "confirmed by mistake"',
        'detector accounts correct ann@example.org --incident 3f2a --reason "it was the old laptop, not the telephone"',
        'detector accounts correct ann@example.org --reset-profile --reason "new owner of the mailbox"',
    )
)
def correct(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    account: Account,
    reason: Reason,
    withdraw_strike: Annotated[
        str, typer.Option(metavar="ID", help="Take back the strike of this incident; the reason says why.")
    ] = "",
    incident: Annotated[
        str, typer.Option(metavar="ID", help="Put the reason into the story of this incident, as a correction.")
    ] = "",
    reset_profile: Annotated[
        bool, typer.Option("--reset-profile", help="Erase what was learned of its mail; it is learned anew.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Correct what is recorded about an account.

    What stood there before stays readable in the story and in the audit log. An exemption or a cohort that is wrong is
    corrected by `exempt`, `unexempt` and `cohort`; names and addresses of customers are in your customer system.
    """
    from detector.cli.copies import erased_by_server, incident_of
    from detector.cli.office import opened
    from detector.cli.page import Page, print_json
    from detector.cli.roles import Role

    account, reason = named(account), given(reason)
    if bool(withdraw_strike) + bool(incident) + reset_profile != 1:
        raise typer.BadParameter("say what is wrong: one of --withdraw-strike, --incident and --reset-profile")
    with opened(config, actor, Role.OPERATOR) as office:
        told, complete = (office.actor, office.clock(), reason), True
        if reset_profile:
            office.records.reset_profile(account, *told)
            done, complete = erased_by_server(office, account, told[1])
        elif incident:
            corrected = incident_of(office, account, incident)
            office.records.correct(corrected, *told)
            done = f"The correction stands in the story of incident {corrected}."
        else:
            punished = incident_of(office, account, withdraw_strike)
            if not office.records.withdraw_strike(punished, *told):
                msg = f"incident {punished} of {account} has no strike"
                raise Impossible(msg)
            done = f"The strike of incident {punished} is taken back."
        if as_json:
            print_json({"account": account, "done": done})
        else:
            Page().line(done)
        if not complete:
            raise typer.Exit(LATER)


@app.command(
    epilog=examples(
        'detector accounts forget ann@example.org --reason "letter of 12 March"',
        'detector accounts forget ann@example.org --incidents --yes --reason "contract ended"',
    )
)
def forget(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    account: Account,
    reason: Reason,
    incidents: Annotated[
        bool, typer.Option("--incidents", help="All closed incidents too, not only those kept long enough.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Erase what no duty keeps of an account. This cannot be undone.

    Its profile, suspicious mail, exemptions, cohort, held mail that has ended, and closed incidents. What stays: an
    incident that is not closed, one whose strike counts, held mail that waits, a decision to end the service, and the
    audit log, where this erasure is noted too. A running server erases the profile and whose mail was handed over
    lately within seconds, and this waits for it; where none runs, or its disk is full, it is done later without being
    asked again, and the exit status is 75. Backups still have it all. Needs the role admin.
    """
    from detector.cli.copies import forget_in, show_forgotten
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    account, reason = named(account), given(reason)
    with opened(config, actor, Role.ADMIN) as office:
        if not yes:
            typer.confirm(f"Erase what is known of {account}? This cannot be undone", abort=True)
        forgotten = forget_in(office, account, reason, incidents)
        if as_json:
            print_json(forgotten)
        else:
            show_forgotten(forgotten, incidents)
        if not forgotten.complete:
            raise typer.Exit(LATER)
