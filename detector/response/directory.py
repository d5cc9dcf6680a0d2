"""Where customers can be reached: a CSV file, a program that knows, or an endpoint that does."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from detector.config import ConfigError, CsvDirectory
from detector.ports import Clock, Contact, Refused, Temporary
from detector.response.command import Command
from detector.response.contact import FIELDS, WAYS, complaints, contact_of, ways, without_hijacked_ways
from detector.response.http import Endpoint


class CsvFile:
    """A file with a header line: `account`, and those of `contact.FIELDS` that there are. Read again when it changed.

    Accounts are compared without regard to case; of an account that stands there twice, the last line counts.
    """

    def __init__(self, settings: CsvDirectory) -> None:
        self._path = settings.path
        self._ours = Lock()
        self._seen: tuple[int, int, int] | None = None
        self._contacts: dict[str, Contact] = {}

    def contact(self, account: str) -> Contact | None:
        """Raises `Temporary` when the file cannot be read, or not understood (somebody may be writing it)."""
        with self._ours:
            try:
                self._read_if_changed()
            except (OSError, ValueError) as error:
                msg = f"{self._path} cannot be used: {error}"
                raise Temporary(msg) from error
            return self._contacts.get(account.casefold())

    def check(self) -> str:
        try:
            contacts, problems = read_contacts(self._path)
        except (OSError, ValueError) as error:
            msg = f"customer directory {self._path} cannot be used: {error}"
            raise ConfigError(msg) from error
        hijackable = [c.account for c in contacts.values() if not ways(without_hijacked_ways(c))]
        text = f"customer directory {self._path}: {len(contacts)} accounts"
        if problems:
            text += f"; {len(problems)} faults, the first: {problems[0]}"
        if hijackable:
            text += (
                f"; {len(hijackable)} accounts have only themselves as contact address and cannot be told, "
                f"the first: {hijackable[0]}"
            )
        return text

    def _read_if_changed(self) -> None:
        state = self._path.stat()
        seen = (state.st_mtime_ns, state.st_size, state.st_ino)
        if seen != self._seen:
            self._contacts, _ = read_contacts(self._path)
            self._seen = seen


def read_contacts(path: Path) -> tuple[dict[str, Contact], list[str]]:
    """Contacts by account in folded case, and what is wrong with single lines.

    Raises `OSError`, and `ValueError` for a file that is none of this kind. An open quote is a fault of the file and
    not of its line: nobody knows where it should have ended.
    """
    contacts, problems = {}, []
    for number, row in _rows(path):
        account = (row["account"] or "").strip()
        try:
            contact = contact_of(account, row)
        except ValueError as error:
            problems.append(f"line {number} cannot be used: {error}")
        else:
            contacts[contact.account.casefold()] = contact
            problems += [f"line {number}: {complaint}" for complaint in complaints(account, row)]
    return contacts, problems


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows, each with the number of its last line. Raises `OSError` or `ValueError`."""
    with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a byte order mark
        rows = csv.DictReader(file, strict=True)
        number = 0
        try:
            _check_header(set(rows.fieldnames or ()))
            number = rows.line_num
            for row in rows:
                number = rows.line_num
                yield number, row
        except csv.Error as error:
            msg = f"line {number + 1}: {error}; is a quote left open?"
            raise ValueError(msg) from error


def _check_header(columns: set[str]) -> None:
    if "account" not in columns or not columns & set(WAYS) or columns - {"account", *FIELDS}:
        msg = f"the first line must be account and one or more of {','.join(FIELDS)}"
        raise ValueError(msg)


class CommandDirectory:
    """Asks a program: {"action": "contact", "account", "time"} in; the fields that there are, or {}, out."""

    def __init__(self, command: Command, clock: Clock) -> None:
        self._command = command
        self._clock = clock

    def contact(self, account: str) -> Contact | None:
        """Raises `Temporary` or `Refused` as the program's exit status says, `Refused` for an odd answer."""
        return contact_of_answer(account, self._command.run(_question(account, self._clock())))

    def check(self) -> str:
        return self._command.check()


class HttpDirectory:
    """Asks an endpoint by a signed request: the same question and answer as `CommandDirectory`; 404 is {} as well."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock

    def contact(self, account: str) -> Contact | None:
        """Raises `Temporary` or `Refused` as `Endpoint.post` does, `Refused` for an odd answer."""
        # Nothing changes by a question, so its idempotency key need not outlive it.
        answer = self._endpoint.ask(_question(account, self._clock()), f"contact.{self._clock():.6f}")
        return contact_of_answer(account, answer)

    def check(self) -> str:
        return self._endpoint.check()


def contact_of_answer(account: str, answer: str) -> Contact | None:
    """The contact in a JSON answer; None for an empty one. Raises `Refused` for an odd one."""
    try:
        values = json.loads(answer.strip() or "{}")
        return contact_of(account, values) if values else None
    except (ValueError, RecursionError) as error:
        msg = f"the customer directory's answer cannot be used: {error}"
        raise Refused(msg) from error


def _question(account: str, now: float) -> dict[str, object]:
    return {"action": "contact", "account": account, "time": round(now)}
