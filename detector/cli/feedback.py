"""`detector feedback`: what bounces and complaints say, and which transactions they are about."""

from pathlib import Path
from typing import Annotated

import typer

from detector.cli.options import DEFAULT_CONFIG, Actor, AsJson, ConfigFile, examples

EXAMPLES = examples(
    "detector feedback bounce.eml",
    "detector feedback --json ~postmaster/Maildir | jq .counts",
    "formail -s < abuse.mbox | detector feedback -",
    "detector feedback --apply abuse.mbox",
)


def feedback(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="An mbox, a Maildir or one message; - is standard input.")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
    apply: Annotated[
        bool, typer.Option("--apply", help="Hand them to the server: what is tied counts for its account, once.")
    ] = False,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Tell what each report says, and which of our transactions it is about.

    Bounces in the standard form and as people read them, complaints of feedback loops and those that are forwarded,
    reports on authentication, and automatic answers. A report is tied to a transaction only by the signed tag that it
    brings back; the key for it is that of the configuration. Without a configuration nothing is tied.

    Nothing is changed, and nothing counts for an account, unless you --apply it; that needs the role operator.
    """
    if apply:
        from detector.cli.feedback_apply import apply as hand_over

        hand_over(files, config, actor, as_json)
        return
    from detector.cli.feedback_run import run

    run(files, config if config != DEFAULT_CONFIG or Path(config).exists() else None, as_json)
