"""Hands reports to the server, as if they had come to its door: `detector feedback --apply`."""

import secrets
from pathlib import Path

from detector.cli.ends import Impossible
from detector.cli.feedback_run import messages
from detector.cli.office import opened
from detector.cli.page import Page, print_json
from detector.cli.roles import Role
from detector.cli.words import counted
from detector.feedback.maildir import Full, Spool


def apply(files: list[str], config: Path, actor: str, as_json: bool) -> None:
    """They are on disk when this returns. Raises `ConfigError`, `NotAllowed`, `Temporary` and `Impossible`."""
    with opened(config, actor, Role.OPERATOR) as office:
        spool, count = Spool(office.config.reports_directory), 0
        if not spool.directory.is_dir():
            msg = f"{spool.directory} is not there: the server makes it at its first start"
            raise Impossible(msg)
        office.records.audit(office.actor, "apply reports", " ".join(files), office.clock())
        for name in files:
            for octets in messages(name):
                _keep(spool, f"{office.clock():.6f}.{secrets.token_hex(8)}", octets, count)
                count += 1
    if as_json:
        print_json({"handed_over": count})
        return
    Page().line(
        f"{counted(count, 'message')} handed to the server. A running one counts them within about a second, another "
        "one when it starts: those that are tied to mail that passed, each once. "
        "detector_feedback_reports_total tells what they were."
    )


def _keep(spool: Spool, name: str, octets: bytes, before: int) -> None:
    try:
        spool.keep(name, octets)
    except Full:
        msg = f"too many reports wait for the server; it has {before} of these. Apply them again when it runs"
        raise Impossible(msg) from None
    except OSError as error:
        msg = f"{spool.directory}: {error.strerror}; the server has {before} of these"
        raise Impossible(msg) from error
