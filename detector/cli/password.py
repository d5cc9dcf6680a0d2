"""`detector password`: a new password for a customer who has proved who he is."""

import sys
from typing import Annotated

import typer

from detector.cli.accounts import named
from detector.cli.ends import Impossible
from detector.cli.options import DEFAULT_CONFIG, Account, Actor, AsJson, ConfigFile, examples

HELP = """Give a customer a new password.

After an incident the account has a password that nobody knows. It is never mailed: somebody who has made sure to speak
to the customer tells it.

Roles: an operator.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None: ...


@app.command(
    epilog=examples('detector password issue ann@example.org --verified "called back on the contract\'s number"')
)
def issue(
    account: Account,
    verified: Annotated[
        str, typer.Option(metavar="TEXT", help="How you made sure that it is the customer, for the audit log.")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Set a fresh password and show it once.

    It is drawn from the system's random source, set by the provider of response.password, shown here, and kept nowhere.
    Open sessions end, and login servers forget what they remember of the account.

    Without --json it is shown on a terminal only, so that it ends in no file by accident. It does not lift a block.
    """
    from detector.cli.office import opened
    from detector.cli.page import Page, print_json
    from detector.cli.password_issue import issue as set_new
    from detector.cli.roles import Role

    if not verified.strip():
        raise typer.BadParameter("say how you made sure that it is the customer", param_hint="--verified")
    if not as_json and not sys.stdout.isatty():
        msg = (
            "standard output is no terminal, and a password must not end in a file by accident; --json says you mean it"
        )
        raise Impossible(msg)
    account = named(account)
    with opened(config, actor, Role.OPERATOR) as office:
        issued = set_new(office, account, verified.strip())
        if as_json:
            told = {"account": account, "password": issued.password.text, "blocked": issued.blocked_by}
            print_json(told | {"problem": issued.problem})
            return
        page = Page()
        page.line(f"The new password of {account}, shown this once:")
        page.command(issued.password.text)
        page.line("It holds letters and digits that are easily told apart: no 0 and O, no 1, l and I.")
        if issued.problem:
            page.line(f"The login servers may still remember the old one: {issued.problem}", "bold")
        if issued.blocked_by:
            page.line(f"The account is still blocked by incident {issued.blocked_by}.", "bold")
