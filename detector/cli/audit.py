"""`detector audit`: who looked at what, and who decided what."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.ends import Impossible
from detector.cli.options import DEFAULT_CONFIG, Actor, AsJson, ConfigFile, Most, examples

if TYPE_CHECKING:  # loading it takes time that `--help` has no use for
    from detector.records.entries import AuditHead

HELP = """Who looked at what, and who decided what.

Each entry of the audit log is sealed with the hash of all before it.

Roles: a viewer may do it all.
"""

Expect = Annotated[
    str, typer.Option(metavar="NUMBER:HASH", help="What `detector audit head` has printed at an earlier time.")
]

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


@app.command(epilog=examples("detector audit head", "detector audit head | mail -s 'audit log' auditor@example.net"))
def head(config: ConfigFile = DEFAULT_CONFIG, actor: Actor = "", as_json: AsJson = False) -> None:
    """Where the log ends: the number of the last entry, and the hash that seals all up to it.

    Keep it where nobody who can write the database can: on paper, in another system. `detector audit verify --expect`
    then finds a log that was forged anew, or whose end was cut.
    """
    from detector.cli.office import opened
    from detector.cli.page import print_json
    from detector.cli.roles import Role

    with opened(config, actor, Role.VIEWER) as office:
        office.looked("audit log", "head")
        found = office.records.audit_head()
        if as_json:
            print_json(found)
        else:
            print(found)


@app.command(epilog=examples("detector audit verify", "detector audit verify --expect 1208:9f86d081884c7d65..."))
def verify(
    expect: Expect = "",
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Whether any entry was changed, removed or put in afterwards.

    Exit status 1 if so. Who can write the database could forge the whole log anew, or cut its end: that is found by
    --expect only.
    """
    from detector.cli.office import opened
    from detector.cli.page import Page, print_json
    from detector.cli.roles import Role
    from detector.cli.words import counted
    from detector.records.records import AuditBroken

    expected = head_of(expect) if expect else None
    with opened(config, actor, Role.VIEWER) as office:
        office.looked("audit log", "verify")
        try:
            count = office.records.verify_audit(expected)
        except AuditBroken as error:
            msg = f"{error}; restore the records from a backup, and find out who wrote to the database"
            raise Impossible(msg) from error
        last = office.records.audit_head()
        if as_json:
            print_json({"entries": count, "hash": last.hash})
        else:
            Page().line(f"{counted(count, 'entry is', 'entries are')} unchanged. Hash of the last: {last.hash}")


def head_of(text: str) -> "AuditHead":
    """Raises `typer.BadParameter`."""
    from detector.records.entries import AuditHead

    match = re.fullmatch(r"(\d+):([0-9a-f]{64})", text.strip())
    if match is None:
        raise typer.BadParameter(
            "give what `detector audit head` has printed: a number, a colon, 64 digits", param_hint="--expect"
        )
    return AuditHead(int(match[1]), match[2])
