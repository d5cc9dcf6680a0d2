"""A letter for customers who can only be reached on paper: a page of HTML that somebody prints and posts."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import TemplateError, TemplateSyntaxError, meta

from detector.config import ConfigError, LetterChannel
from detector.incident.notice import Notice, one_line
from detector.incident.templates import environment
from detector.incident.wording import check_words
from detector.ports import Clock, Contact, Temporary

VARIABLES = ("recipient", "return_address", "date", "subject", "body", "language", "incident")
PAGES = environment(autoescape=True)
OUTSIDE = re.compile(
    r"(?i)<(?:a|img|link|script|iframe|object|embed|form|base)\b|\b(?:src|href|on\w+)\s*=|url\(|@import"
)
UNSEEN = re.compile(r"(?is)<style\b.*?</style>|<[^>]*>")


class Letter:
    """Writes one file for each notice, `notice-<incident>.html`, into a directory from which people print.

    The file is there whole or not at all, and only we may read it. Whoever prints it takes it away or deletes it; a
    notice that is sent again after a crash takes the place of the first one if nobody was that quick.
    """

    def __init__(self, settings: LetterChannel, page: str, clock: Clock) -> None:
        """Raises `ConfigError` for a page that must not be posted."""
        problems = check_page(page)
        if problems:
            raise ConfigError("\n".join(f"letter.html: {problem}" for problem in problems))
        self._directory = settings.directory
        self._return_address = settings.return_address
        self._page = PAGES.from_string(page)
        self._clock = clock

    def reaches(self, contact: Contact) -> bool:
        return bool(contact.postal_address)

    def send(self, notice: Notice, contact: Contact, request_id: str) -> str:  # noqa: ARG002 - the file's name does it
        """Raises `Temporary` when the file cannot be written."""
        path = self._directory / f"{notice.kind}-{notice.incident_id}.html"
        text = self._page.render(self._values(notice, contact))
        try:
            _write(path, text)
        except OSError as error:
            msg = f"the letter cannot be written: {error}"
            raise Temporary(msg) from error
        return f"a letter to print: {path.name}"

    def check(self) -> str:
        """Raises `ConfigError`."""
        directory = self._directory
        if not directory.is_dir() or not os.access(directory, os.W_OK | os.X_OK):
            msg = f"letters: {directory} is not a directory that we may write to"
            raise ConfigError(msg)
        if directory.stat().st_mode & 0o007:
            msg = f"letters: everybody may look into {directory}; chmod o-rwx {directory}"
            raise ConfigError(msg)
        waiting = len(list(directory.glob("*.html")))
        return f"letters to {directory}: {waiting} wait to be printed"

    def _values(self, notice: Notice, contact: Contact) -> dict[str, str]:
        lines = [contact.name, *contact.postal_address.splitlines()]
        # A directory may have the name in both places.
        recipient = dict.fromkeys(one_line(line) for line in lines if line)
        return {
            "recipient": "\n".join(recipient),
            "return_address": self._return_address,
            "date": datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%d"),
            "subject": notice.subject,
            "body": notice.body,
            "language": notice.language,
            "incident": notice.incident_id,
        }


def check_page(page: str) -> list[str]:
    """What is wrong with the page around a letter; it must need nothing from outside to be printed."""
    try:
        unknown = sorted(meta.find_undeclared_variables(PAGES.parse(page)) - set(VARIABLES))
        if unknown:
            return [f"unknown variables: {', '.join(unknown)}; possible are {', '.join(VARIABLES)}"]
        text = PAGES.from_string(page).render(dict.fromkeys(VARIABLES, "Sample"))
    except TemplateSyntaxError as error:
        return [f"line {error.lineno}: {error.message}"]
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        return [f"it cannot be rendered: {error}"]
    problems = [f"it needs something from outside: `{match.group()}`" for match in OUTSIDE.finditer(page)]
    return problems + check_words(UNSEEN.sub(" ", text))


def _write(path: Path, text: str) -> None:
    """Whole or not at all, durable when it returns, and for us only."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
