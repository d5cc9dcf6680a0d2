"""`detector response`: what a containment does, and a freeze of all of them for the time of maintenance."""

from datetime import datetime
from typing import Annotated

import typer

from detector.cli.options import DEFAULT_CONFIG, Actor, AsJson, ConfigFile, examples
from detector.cli.response_times import MOST_HOURS

HELP = """How accounts are contained, and a freeze for the time of maintenance.

While it is frozen, accounts are blocked as ever and operators hear of them, but no password is changed, no session is
ended and no customer is told; all that is done afterwards.

Roles: a viewer looks, an operator freezes.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

Reason = Annotated[str, typer.Option(metavar="TEXT", help="For the audit log and your colleagues.")]
Hours = Annotated[
    float | None, typer.Option("--for", min=0.01, max=MOST_HOURS, metavar="HOURS", help="For so many hours.")
]
Until = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"], metavar="TIME", help="Until this minute, in UTC."),
]


@app.command(epilog=examples("detector response steps"))
def steps(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Each step of a containment: how long it may take, how it is tried again, its key, and how it is undone."""
    from detector.cli.page import Page, print_json
    from detector.config import load
    from detector.response.plan import rows

    found = rows(load(config).response)
    if as_json:
        print_json(found)
        return
    page = Page()
    for row in found:
        page.heading(row["step"])
        page.fields({name: value for name, value in row.items() if name != "step"})


@app.command(epilog=examples("detector response freeze --for 2 --reason 'the mail servers get a new database'"))
def freeze(
    reason: Reason,
    hours: Hours = None,
    until: Until = None,
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
) -> None:
    """Let all containments wait. Accounts are still blocked, operators are still told of them."""
    from detector.cli.accounts import given
    from detector.cli.office import opened
    from detector.cli.response_times import end_of_freeze
    from detector.cli.roles import Role
    from detector.cli.words import moment

    with opened(config, actor, Role.OPERATOR) as office:
        now = office.clock()
        end = end_of_freeze(hours, until, now)
        office.records.freeze(now, end, office.actor, given(reason))
    print(f"Containments wait until {moment(end)} UTC, or until `detector response unfreeze`.")


@app.command(epilog=examples("detector response unfreeze"))
def unfreeze(reason: Reason = "", config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "") -> None:
    """Let the containments go on."""
    from detector.cli.ends import Impossible
    from detector.cli.office import opened
    from detector.cli.roles import Role

    with opened(config, actor, Role.OPERATOR) as office:
        found = office.records.unfreeze(office.clock(), office.actor, reason)
    if not found:
        msg = "containments were not frozen"
        raise Impossible(msg)
    print("Containments go on.")
