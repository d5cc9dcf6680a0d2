"""`detector incidents`: accounts that were stopped, and what a person decides about them."""

from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.options import DEFAULT_CONFIG, Actor, AsJson, ConfigFile, Most, examples, folded

if TYPE_CHECKING:  # loading it takes a second that `--help` has no use for
    from detector.cli.office import Office

HELP = """Look at incidents and decide about them.

An incident is an account that is considered taken over. As long as it is not closed, the account is blocked.

\b
  open       the containment runs: password, sessions, notice
  pending    a person must confirm before the password is changed
  contained  all that can be done is done; a person decides
  confirmed  it was abuse, a strike; ends by `detector accounts release`
  closed     by release, or because it was dismissed as a false alarm

Works while the server runs and while it does not. Every look and every decision is written to the audit log.

Roles: a viewer lists and shows, an operator decides.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

IncidentId = Annotated[str, typer.Argument(metavar="ID", help="The incident; the beginning is enough if it is unique.")]
Note = Annotated[str, typer.Option(metavar="TEXT", help="For the timeline and your colleagues.")]


@app.command(
    "list", epilog=examples("detector incidents list", "detector incidents list --all --account ann@example.org")
)
def list_incidents(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    everything: Annotated[bool, typer.Option("--all", "-a", help="Closed ones too.")] = False,
    account: Annotated[str, typer.Option(metavar="ACCOUNT", help="Only those of this account.", callback=folded)] = "",
    limit: Most = 50,
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Incidents that are not closed, newest first."""
    from detector.cli.decisions import newest
    from detector.cli.incident_pages import show_freeze, show_list
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    with opened(config, actor, Role.VIEWER) as office:
        office.looked("incidents", account)
        found = newest(office, everything, account or None, limit)
        if as_json:
            print_json(found)
        else:
            show_list(found, office.clock())
            show_freeze(office.records.frozen(office.clock()))


@app.command(epilog=examples("detector incidents show 3f2a"))
def show(incident: IncidentId, config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False) -> None:
    """Why, what was done, and what comes next."""
    from detector.cli.decisions import find, tell
    from detector.cli.incident_pages import show_freeze, show_story
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    with opened(config, actor, Role.VIEWER) as office:
        found = find(office, incident)
        office.looked("incident", found.incident_id)
        story = tell(office, found)
        if as_json:
            print_json(story)
        else:
            show_story(story, office.clock())
            show_freeze(office.records.frozen(office.clock()))


@app.command(epilog=examples("detector incidents approve 3f2a", "detector incidents approve --all-waiting"))
def approve(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    incident: Annotated[str, typer.Argument(metavar="[ID]", help="The incident that waits.")] = "",
    all_waiting: Annotated[bool, typer.Option("--all-waiting", help="All that wait, after one question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    note: Note = "",
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Let a containment go on that waits for you: change the password, end the sessions, tell the customer.

    It waits because the identity of the sender is not certain, or because so many passwords were changed within an
    hour that something else may be wrong. Whether it was abuse is decided later: no strike is counted.
    """
    from detector.cli.approval import approve as decide
    from detector.cli.office import opened
    from detector.cli.page import Page, print_json
    from detector.cli.roles import Role
    from detector.cli.words import counted

    if bool(incident) == all_waiting:
        raise typer.BadParameter("name an incident, or say --all-waiting", param_hint="ID")
    with opened(config, actor, Role.OPERATOR) as office:
        approved = decide(office, incident, note, lambda question: yes or as_json or typer.confirm(question))
        if as_json:
            print_json(approved)
        else:
            Page().line(f"{counted(len(approved), 'containment')} will go on within about a second.")


@app.command(
    epilog=examples('detector incidents confirm 3f2a --note "customer has found malware on the office computer"')
)
def confirm(
    incident: IncidentId,
    note: Note = "",
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """It was abuse: count a strike.

    Its held mail is discarded, and what was put on hold in queues is deleted. The account stays blocked until it is
    released. Where the password still waits for a person, it is changed now.
    """
    from detector.cli.office import opened
    from detector.cli.roles import Role

    with opened(config, actor, Role.OPERATOR) as office:
        _decide(office, "confirm", incident, note, as_json)


@app.command(epilog=examples('detector incidents dismiss 3f2a --note "parish newsletter, announced by telephone"'))
def dismiss(
    incident: IncidentId,
    note: Note = "",
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """It was a false alarm: lift the block now.

    Its held mail and queues are released, and the customer, if there was a notice, gets an apology. A strike that was
    counted is taken back. What led to the block is forgotten. A changed password stays changed: the customer needs a
    new one.
    """
    from detector.cli.office import opened
    from detector.cli.roles import Role

    with opened(config, actor, Role.OPERATOR) as office:
        _decide(office, "dismiss", incident, note, as_json)


def _decide(office: "Office", event: str, words: str, note: str, as_json: bool) -> None:
    from detector.cli.decisions import decide, find, tell
    from detector.cli.incident_pages import show_decision
    from detector.cli.page import print_json
    from detector.incident.incident import Event

    story = tell(office, decide(office, find(office, words), Event(event), note))
    if as_json:
        print_json(story)
    else:
        show_decision(story)
