"""`detector accounts strikes | terminate | keep`: accounts that were hijacked again and again."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.accounts import Reason, app, given, named
from detector.cli.options import DEFAULT_CONFIG, Account, Actor, AsJson, ConfigFile, examples, folded

__all__ = ["app"]  # the group of `accounts`, with more commands


@app.command(epilog=examples("detector accounts strikes", "detector accounts strikes ann@example.org"))
def strikes(
    account: Annotated[
        str, typer.Argument(metavar="[ACCOUNT]", help="Only this one, with its incidents.", callback=folded)
    ] = "",
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Accounts with strikes that count, those with the most first; or the strikes of one account.

    A strike is an incident that a person confirmed. It fades after response.strikes.fade_after. At
    response.strikes.limit the policy proposes to end the service: decide with `terminate` or `keep`.
    """
    from detector.cli.offenders import offender, rule_of, show_all, show_one
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    with opened(config, actor, Role.VIEWER) as office:
        office.looked("strikes", account)
        since_then = office.clock() - rule_of(office).fade_after
        names = [account] if account else office.records.accounts_with_strikes(since_then)
        found = [offender(office, name) for name in names]
        if as_json:
            print_json(found)
        elif account:
            show_one(found[0], office)
        else:
            show_all(found)


@app.command(epilog=examples('detector accounts terminate ann@example.org --reason "third time, letter of 12 March"'))
def terminate(
    account: Account, reason: Reason, config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False
) -> None:
    """Note that you end the service of an account: its block cannot be released any more.

    Only a dismissal lifts it, because then there was nothing to punish. The contract itself ends in your customer
    system. `keep` takes the decision back.
    """
    _decide(account, reason, (config, actor), ended=True, as_json=as_json)


@app.command(epilog=examples('detector accounts keep ann@example.org --reason "office computer replaced"'))
def keep(
    account: Account, reason: Reason, config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False
) -> None:
    """Note that an account keeps its service in spite of its strikes; its next strike proposes the end again."""
    _decide(account, reason, (config, actor), ended=False, as_json=as_json)


def _decide(account: str, reason: str, place: tuple[Path, str], *, ended: bool, as_json: bool) -> None:
    from detector.cli.offenders import offender
    from detector.cli.office import opened
    from detector.cli.page import Page, print_json
    from detector.cli.roles import Role
    from detector.records.entries import Termination

    account = named(account)
    with opened(*place, Role.OPERATOR) as office:
        office.records.decide_termination(Termination(account, office.clock(), office.actor, ended, given(reason)))
        if as_json:
            print_json(offender(office, account))
            return
        page = Page()
        page.line(f"Noted: the service of {account} {'is ended' if ended else 'goes on'}.")
        if ended and account not in office.records.standing().blocks:
            page.line("It is not blocked now and may send until your customer system ends it.", "bold")


@app.command("self-release", epilog=examples("detector accounts self-release ann@example.org --actor portal < code"))
def self_release(
    account: Account, config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False
) -> None:
    """End a block by the one-time code that the customer's notice has brought.

    For your customer portal or hotline; the code is read from standard input. It works once, when the containment is
    done; a strike is counted, and the account comes back on probation. After five wrong ones it is void.
    Notices carry a code where response.self_release is true, for each account once in 30 days.
    """
    from detector.cli.decisions import self_release as decide
    from detector.cli.office import opened
    from detector.cli.page import Page, print_json
    from detector.cli.roles import Role

    code = typer.prompt("Code", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline(200)
    if not code.strip():  # it would count as a wrong one
        raise typer.BadParameter("give the code on standard input", param_hint="CODE")
    with opened(config, actor, Role.OPERATOR) as office:
        incident = decide(office, named(account), code.strip())
        if as_json:
            print_json(incident)
        else:
            Page().line(f"{account} may send again; incident {incident.incident_id} is closed.")
