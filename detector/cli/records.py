"""`detector records`: backup, restore and upgrade of the database."""

from pathlib import Path
from typing import Annotated

import typer

from detector.cli.audit import Expect, head_of
from detector.cli.ends import Impossible
from detector.cli.options import DEFAULT_CONFIG, Actor, AsJson, ConfigFile, examples

HELP = """Back up, restore and upgrade the database of incidents, strikes, decisions and the audit log.

Roles: an admin only.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


@app.command(epilog=examples("detector records backup /var/backups/records-$(date +%F).sqlite"))
def backup(file: File, config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False) -> None:
    """Copy the records into a new file, also while the server runs.

    The copy is checked before it gets its name. It holds personal data: only you may read it. For PostgreSQL this
    prints the line of pg_dump that does it.

    Back up with it, from state.directory: recipient.key, hold.key and the directory of held mail, profiles.sqlite and
    text-usual.bin; and the configuration with its secrets.
    """
    from detector.cli.office import opened, sqlite_file
    from detector.cli.page import Page, print_json
    from detector.cli.roles import Role
    from detector.records.backup import back_up, pg_dump

    with opened(config, actor, Role.ADMIN) as office:
        source = sqlite_file(office.config)
        if source is None:
            msg = f"the records are in PostgreSQL, back them up with\n{pg_dump(office.config.records_url, file)}"
            raise Impossible(msg)
        office.records.audit(office.actor, "back up records", file.name, office.clock())
        head = back_up(source, file)
        if as_json:
            print_json({"file": str(file), "head": head})
        else:
            Page().line(f"{file} holds the records up to entry {head.number} of the audit log. Its head: {head}")


@app.command(epilog=examples("detector records restore /var/backups/records-2027-01-31.sqlite"))
def restore(
    file: File, expect: Expect = "", config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False
) -> None:
    """Put a backup in the place of the records, while no server runs.

    It is checked first: the file, its schema version, its audit log. What was there is kept under another name. What
    was decided after the backup is gone: look into the newest entries of `detector audit list`, and forget again who
    was forgotten since.
    """
    from detector.cli.page import Page, print_json
    from detector.cli.restoring import restore_from

    restored = restore_from(config, actor, file, head_of(expect) if expect else None)
    if as_json:
        print_json({"head": restored.head, "aside": [str(path) for path in restored.aside]})
        return
    page = Page()
    page.line(f"Restored up to entry {restored.head.number} of the audit log. Its head was {restored.head}")
    for path in restored.aside:
        page.line(f"What was there is kept: {path}")
    page.line("Start the server: it blocks those accounts again that were blocked then.")


@app.command(epilog=examples("detector records upgrade", "PGUSER=detector_owner detector records upgrade"))
def upgrade(config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False) -> None:
    """Bring the tables up to date with this program.

    The server does that by itself when it starts. This is for PostgreSQL where the service may not change tables.
    """
    from detector.cli.office import opened
    from detector.cli.page import Page, print_json
    from detector.cli.roles import Role
    from detector.records.schema import HEAD

    with opened(config, actor, Role.ADMIN):
        if as_json:
            print_json({"schema_version": HEAD})
        else:
            Page().line(f"The records have schema version {HEAD}.")
