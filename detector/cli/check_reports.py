"""Whether bounces and complaints can come in."""

import os
from collections.abc import Iterator
from pathlib import Path

from detector.cli.finding import Finding, hint, ok, problem
from detector.config import Config


def check_reports(config: Config) -> Iterator[Finding]:
    """Changes nothing; whether the door can be opened is asked with the other addresses."""
    feedback = config.feedback
    if not (feedback.addresses or feedback.maildirs):
        text = "neither addresses nor maildirs: complaints, and bounces that come later, are not heard"
        yield hint("feedback", text)
    for address in feedback.addresses:
        yield ok("feedback.addresses", f"{address}: your mail servers must send it to {feedback.listen[0]}")
    for maildir in feedback.maildirs:
        yield _maildir(f"feedback.maildirs {maildir.path}", maildir.path)


def _maildir(about: str, path: Path) -> Finding:
    for part in ("new", "cur"):
        directory = path / part
        if not directory.is_dir():
            return problem(about, f"has no directory {part}: is it a Maildir?")
        if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
            return problem(about, f"{part} must be readable and writable for this user: we move what was read")
    return ok(about, f"can be read; {len(list((path / 'new').iterdir()))} wait there")
