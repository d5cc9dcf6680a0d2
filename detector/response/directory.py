"""Where customers can be reached: a CSV file, or a program that knows."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from detector.config import ConfigError, CsvDirectory
from detector.mail.address import Address
from detector.ports import Clock, Contact, Refused, Temporary
from detector.response.command import Command

COLUMNS = {"account", "address"}
MAY_HAVE = {"name"}
MAILBOX = re.compile(r"[^\s<>@\",;:]+@[^\s<>@\",;:]+")


class CsvFile:
    """A file with a header line: account,address and optionally name. Read again when it has changed.

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
        hijackable = [c.account for c in contacts.values() if is_hijacked(c.address, c.account)]
        text = f"customer directory {self._path}: {len(contacts)} accounts"
        if problems:
            text += f"; {len(problems)} lines cannot be used, the first: {problems[0]}"
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
    """Contacts by account in folded case, and the lines that are none.

    Raises `OSError`, and `ValueError` for a file that is none of this kind. An open quote is a fault of the file and
    not of its line: nobody knows where it should have ended.
    """
    contacts, problems = {}, []
    for number, row in _rows(path):
        try:
            contact = contact_of((row["account"] or "").strip(), row)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
        else:
            contacts[contact.account.casefold()] = contact
    return contacts, problems


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows, each with the number of its last line. Raises `OSError` or `ValueError`."""
    with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a byte order mark
        rows = csv.DictReader(file, strict=True)
        number = 0
        try:
            columns = set(rows.fieldnames or ())
            if not columns >= COLUMNS or columns - COLUMNS - MAY_HAVE:
                msg = "the first line must be account,address and optionally name"
                raise ValueError(msg)
            number = rows.line_num
            for row in rows:
                number = rows.line_num
                yield number, row
        except csv.Error as error:
            msg = f"line {number + 1}: {error}; is a quote left open?"
            raise ValueError(msg) from error


def contact_of(account: str, row: object) -> Contact:
    """A contact from named values. Raises `ValueError`."""
    if not isinstance(row, dict) or None in row:
        msg = "not a set of named values"
        raise ValueError(msg)
    values = {name: str(row[name]).strip() for name in ("address", "name") if row.get(name)}
    address = values.get("address", "")
    if not account or not MAILBOX.fullmatch(address):
        msg = f"'{address}' is not an address for account '{account}'"
        raise ValueError(msg)
    return Contact(account, address, values.get("name", ""))


class CommandDirectory:
    """Asks a program: {"action": "contact", "account", "time"} in; {"address", "name"?} or {} out."""

    def __init__(self, command: Command, clock: Clock) -> None:
        self._command = command
        self._clock = clock

    def contact(self, account: str) -> Contact | None:
        """Raises `Temporary` or `Refused` as the program's exit status says, `Refused` for an odd answer."""
        answer = self._command.run({"action": "contact", "account": account, "time": round(self._clock())})
        try:
            row = json.loads(answer.strip() or "{}")
            return contact_of(account, row) if row else None
        except ValueError as error:
            msg = f"the customer directory's answer cannot be used: {error}"
            raise Refused(msg) from error

    def check(self) -> str:
        return self._command.check()


def is_hijacked(address: str, account: str) -> bool:
    """Whether mail to the address would land in the mailbox that the thief reads.

    Case is folded and `+detail` is cut off (RFC 5233 calls it a subaddress): both lead to the same mailbox. A login
    without a domain may have its mailbox in any, so an address of the same name is taken for it. The reverse-path is
    not asked: the thief chooses it, and could choose the customer's other address to keep the notice away.

    >>> is_hijacked("Ann+Notices@example.org", "ann@example.org")
    True
    """
    contact, login = Address.parse(address), Address.parse(account)
    domain = contact.domain if login.domain else ""
    return _mailbox(contact.local_part, domain) == _mailbox(login.local_part, login.domain)


def _mailbox(local_part: str, domain: str) -> str:
    return Address(local_part.partition("+")[0], domain).key
