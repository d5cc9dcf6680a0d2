"""`detector held`: doubtful mail that waits, and what a person decides about it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.ends import Impossible
from detector.cli.options import DEFAULT_CONFIG, Actor, AsJson, ConfigFile, Most, examples, folded

if TYPE_CHECKING:  # loading them takes time that `--help` has no use for
    from detector.cli.office import Office
    from detector.records.held_entries import HeldDecision, HeldSelection

HELP = """Look at held mail, let it go, or throw it away.

Mail under suspicion is accepted and kept, encrypted, until its evidence fades or a person decides.

\b
  held           waits for better evidence, or for you
  releasing      may go; it is sent as soon as the next hop takes it
  sending        on its way at this moment
  undeliverable  the next hop refused it and the sender could not be told; release it again, or discard it
  in_doubt       the program or the connection died at the very end: the next hop has it, or has not. It is never sent
                 again by itself. Ask the next hop's log for the message's id, then `release --again` or `discard`
  released       the next hop has it
  returned       the next hop refused it, and the sender was told
  discarded      can be released by its id until its file is erased

Messages are named by their id, of which the beginning is enough, or chosen by account, incident or fingerprint (the
same text). The server does what is decided here; while it does not run, decisions wait.

Roles: a viewer lists and shows; an operator decides, reads content and exports; an admin changes keys.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

MessageId = Annotated[str, typer.Argument(metavar="ID", help="The message; the beginning is enough if it is unique.")]
AnyMessage = Annotated[str, typer.Argument(metavar="[ID]", help="One message; the beginning of its id is enough.")]
ByAccount = Annotated[str, typer.Option(metavar="ACCOUNT", help="Those of this account.", callback=folded)]
ByIncident = Annotated[str, typer.Option(metavar="ID", help="Those that belong to this incident.")]
ByFingerprint = Annotated[str, typer.Option(metavar="TEXT", help="Those with this fingerprint: the same text.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the audit log.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before more than one message is decided on.")]


@app.command(
    "list",
    epilog=examples("detector held list", "detector held list --account ann@example.org", "detector held list --all"),
)
def list_held(  # noqa: PLR0913, PLR0917 - each is an option of the command
    everything: Annotated[bool, typer.Option("--all", "-a", help="Those that have ended too.")] = False,
    account: ByAccount = "",
    incident: ByIncident = "",
    fingerprint: ByFingerprint = "",
    limit: Most = 50,
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Held messages that have not ended, oldest first."""
    from detector.cli.held_desk import chosen, listed
    from detector.cli.held_pages import as_lines, show_list
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    with opened(config, actor, Role.VIEWER) as office:
        selection = chosen(office, "", account, incident, fingerprint)
        office.looked("held mail", str(selection))
        found = listed(office, selection, everything, limit)
        if as_json:
            print_json(as_lines(found))
        else:
            show_list(found, office.clock())


@app.command(
    epilog=examples(
        "detector held show 3f2a", 'detector held show 3f2a --content --reason "customer asked, ticket 4711"'
    )
)
def show(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    message: MessageId,
    content: Annotated[bool, typer.Option("--content", help="The whole message too; needs --reason.")] = False,
    reason: Reason = "",
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Headers, recipients, and why it is held.

    To read what a customer has written is an audited look that only an operator may take, with a reason.
    """
    from detector.cli.held_desk import beginning, read_whole, the_message
    from detector.cli.held_pages import as_document, show_message
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    if content and not reason:
        raise Impossible("to read a customer's mail needs a reason: --reason TEXT")
    with opened(config, actor, Role.OPERATOR if content else Role.VIEWER) as office:
        found = the_message(office, message)
        office.looked("held message", found.message_id)
        if content:
            office.records.audit(office.actor, "read held message", found.message_id, office.clock(), reason)
        read = read_whole(office, found) if content else beginning(office, found)
        if as_json:
            print_json(as_document(found, read, content))
        else:
            show_message(found, read, content, office.clock())


@app.command(
    epilog=examples(
        "detector held release 3f2a",
        'detector held release --account ann@example.org --reason "parish newsletter"',
        'detector held release 3f2a --again --reason "the next hop\'s log does not know it"',
    )
)
def release(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    message: AnyMessage = "",
    account: ByAccount = "",
    incident: ByIncident = "",
    fingerprint: ByFingerprint = "",
    again: Annotated[bool, typer.Option("--again", help="Also what is in doubt: it may arrive twice.")] = False,
    reason: Reason = "",
    yes: Yes = False,
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Let it go: the server sends it within seconds, and tries for days if the next hop defers it."""
    from detector.cli.held_desk import chosen, decide
    from detector.cli.office import opened
    from detector.cli.roles import Role
    from detector.records.held_entries import HeldDecision

    with opened(config, actor, Role.OPERATOR) as office:
        selection = chosen(office, message, account, incident, fingerprint)
        decision = HeldDecision.RELEASE_AGAIN if again else HeldDecision.RELEASE
        if not yes:
            _ask(office, selection, decision)
        _tell(decision, decide(office, selection, decision, reason), as_json)


@app.command(
    epilog=examples(
        'detector held discard --incident 3f2a --reason "spam, confirmed by the customer"',
        "detector held discard --fingerprint 00c5d2f8a1b37e44 --yes",
    )
)
def discard(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    message: AnyMessage = "",
    account: ByAccount = "",
    incident: ByIncident = "",
    fingerprint: ByFingerprint = "",
    reason: Reason = "",
    yes: Yes = False,
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Throw it away. Nobody is told; its file is erased after `hold.keep_discarded`, until then it can be released."""
    from detector.cli.held_desk import chosen, decide
    from detector.cli.office import opened
    from detector.cli.roles import Role
    from detector.records.held_entries import HeldDecision

    with opened(config, actor, Role.OPERATOR) as office:
        selection = chosen(office, message, account, incident, fingerprint)
        if not yes:
            _ask(office, selection, HeldDecision.DISCARD)
        _tell(HeldDecision.DISCARD, decide(office, selection, HeldDecision.DISCARD, reason), as_json)


@app.command(
    epilog=examples(
        'detector held export --to /root/case-4711 3f2a --reason "lawful request 4711"',
        'detector held export --to /root/case-4711 --incident 3f2a --reason "evidence"',
    )
)
def export(  # noqa: PLR0913, PLR0917 - each is an argument or an option of the command
    to: Annotated[Path, typer.Option("--to", metavar="DIRECTORY", help="Made if it is not there.")],
    message: AnyMessage = "",
    account: ByAccount = "",
    incident: ByIncident = "",
    fingerprint: ByFingerprint = "",
    reason: Reason = "",
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Write messages as .eml files, readable by you only. Needs a reason, for the audit log."""
    from detector.cli.held_desk import chosen, export_to
    from detector.cli.held_pages import show_exported
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    if not reason:
        raise Impossible("to export customers' mail needs a reason: --reason TEXT")
    with opened(config, actor, Role.OPERATOR) as office:
        written, problems = export_to(to, office, chosen(office, message, account, incident, fingerprint), reason)
        if as_json:
            print_json({"written": [str(path) for path in written], "problems": problems})
        else:
            show_exported(written, problems)
        if problems:
            raise typer.Exit(1)


@app.command(epilog=examples("detector held rekey"))
def rekey(config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False) -> None:
    """Encrypt all held mail of this host with the newest of `hold.keys`.

    First put the new key at the top of `hold.keys` and restart the server, then run this as the service's user; then
    the old keys are no longer needed.
    """
    from detector.cli.held_desk import rekey_all
    from detector.cli.held_pages import show_rekeyed
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    with opened(config, actor, Role.ADMIN) as office:
        done, problems = rekey_all(office)
        if as_json:
            print_json({"rekeyed": done, "problems": problems})
        else:
            show_rekeyed(done, problems)
        if problems:
            raise typer.Exit(1)


def _ask(office: "Office", selection: "HeldSelection", decision: "HeldDecision") -> None:
    number = office.records.count_held(selection, decision)
    if number > 1:
        typer.confirm(f"{decision.value} {number} messages ({selection})?", abort=True, err=True)


def _tell(decision: "HeldDecision", done: int, as_json: bool) -> None:
    from detector.cli.held_pages import show_decision
    from detector.cli.page import print_json

    if as_json:
        print_json({"decision": decision, "messages": done})
    else:
        show_decision(decision, done)
