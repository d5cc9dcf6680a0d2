"""`detector audit`: who looked at what, and who decided what."""

import typer

from detector.cli.ends import Impossible
from detector.cli.options import DEFAULT_CONFIG, Actor, AsJson, ConfigFile, Most, examples

HELP = """Who looked at what, and who decided what.

Each entry of the audit log is sealed with the hash of all before it.

Roles: a viewer may do it all.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


@app.command("list", epilog=examples("detector audit list -n 500 --json"))
def list_entries(
    limit: Most = 50, config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False
) -> None:
    """The newest entries, newest first.

    To look here is an entry as well.
    """
    from detector.cli.office import opened
    from detector.cli.page import Page, print_json
    from detector.cli.roles import Role
    from detector.cli.words import moment

    with opened(config, actor, Role.VIEWER) as office:
        office.looked("audit log")
        entries = office.records.audit_log(limit)
        if as_json:
            print_json(entries)
            return
        rows = [(str(e.number), moment(e.at), e.actor, e.action, e.subject, e.detail) for e in entries]
        Page().table((">NO", "TIME (UTC)", "WHO", "WHAT", "ABOUT", ""), rows)


@app.command(epilog=examples("detector audit verify"))
def verify(config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False) -> None:
    """Whether any entry was changed or removed afterwards.

    Exit status 1 if so. Keep the hash that this prints elsewhere: who can write the database could forge the whole
    log anew, and only the hash tells.
    """
    from detector.cli.office import opened
    from detector.cli.page import Page, print_json
    from detector.cli.roles import Role
    from detector.cli.words import counted
    from detector.records.audit import START
    from detector.records.records import AuditBroken

    with opened(config, actor, Role.VIEWER) as office:
        office.looked("audit log", "verify")
        try:
            count = office.records.verify_audit()
        except AuditBroken as error:
            msg = f"{error}; restore the records from a backup, and find out who wrote to the database"
            raise Impossible(msg) from error
        last = next((entry.hash for entry in office.records.audit_log(1)), START)
        if as_json:
            print_json({"entries": count, "hash": last})
        else:
            Page().line(f"{counted(count, 'entry is', 'entries are')} unchanged. Hash of the last: {last}")
