"""Formats `mbox` and `maildir`: folders of sent mail. The account is the From address, the time the Date.

Networks and the next hop's answers are not in such a folder.
"""

import mailbox
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from detector.mail.address import Address
from detector.mail.headers import Header
from detector.mail.stream import classify, message_key
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Transaction
from detector.mail.written import Written
from detector.replay.log_files import NoLog, unpacked
from detector.replay.stamps import believed

SOURCE = "From"
HEAD_BYTES = 65_536
BEGINNING_BYTES = 4096  # blank lines may come before the first message
RECIPIENTS = (b"to", b"cc", b"bcc")


class NoBox(Exception):
    """A folder cannot be read; the text says why."""


@dataclass(slots=True)
class Count:
    """Messages in all, and those skipped because they have no date that is believed, no author or no recipient."""

    messages: int = 0
    broken: int = 0


Box = mailbox.Mailbox[Any]


def open_mbox(path: str) -> Box:
    """Plain or gzip. Raises `NoBox`."""
    if not Path(path).is_file():
        msg = f"{path}: there is no such file"
        raise NoBox(msg)
    try:
        return _mbox(path)
    except (NoLog, OSError) as error:  # OSError: no room for what was unpacked
        raise NoBox(str(error)) from error


def _mbox(path: str) -> Box:
    with unpacked(path) as (raw, content):
        if not _begins_as_mbox(content.read(BEGINNING_BYTES)):
            msg = f"{path}: is no mbox, it does not begin with a line 'From '"
            raise NoBox(msg)
        if content is raw:
            return mailbox.mbox(path, create=False)
        content.seek(0)
        with NamedTemporaryFile() as plain:  # its name is gone at once, its room when the box is closed
            shutil.copyfileobj(content, plain)
            plain.flush()
            return mailbox.mbox(plain.name, create=False)


def _begins_as_mbox(beginning: bytes) -> bool:
    start = beginning.lstrip(b"\r\n")
    return start.startswith(b"From ") or not beginning  # an empty file is a folder without mail


def open_maildir(path: str) -> Box:
    """Raises `NoBox`."""
    if not (Path(path) / "cur").is_dir():
        msg = f"{path}: is no Maildir, it has no directory cur"
        raise NoBox(msg)
    return mailbox.Maildir(path, create=False)


def transactions(
    boxes: Iterable[Box], count: Count, advance: Callable[[int], object]
) -> Iterator[tuple[Transaction, Written]]:
    """The messages of all folders, as they were sent, in order of their dates.

    `advance` is told of each message that is done.

    Only dates and places are held in memory meanwhile. The folders are closed at the end.
    """
    with ExitStack() as stack:
        yield from _in_order([stack.enter_context(closing(box)) for box in boxes], count, advance)


def _in_order(
    boxes: Iterable[Box], count: Count, advance: Callable[[int], object]
) -> Iterator[tuple[Transaction, Written]]:
    places: list[tuple[float, int, Box, str]] = []
    for box in boxes:
        for key in box.iterkeys():
            count.messages += 1
            time = _time(_date(box, key))
            if time is None:
                count.broken += 1
            else:
                places.append((time, len(places), box, key))
    for time, _, box, key in sorted(places, key=lambda place: place[:2]):
        message = Written.of(box.get_bytes(key))
        transaction = _transaction(message, time)
        if transaction is None:
            count.broken += 1
        else:
            yield transaction, message
        advance(1)


def _date(box: Box, key: str) -> str:
    with box.get_file(key) as file:
        return next(reversed(Header.of(file.read(HEAD_BYTES)).values(b"date")), "")


def _transaction(message: Written, time: float) -> Transaction | None:
    header = message.header
    authors = [address for _, address in getaddresses(header.values(b"from")) if "@" in address]
    wanted = [text for name in RECIPIENTS for text in header.values(name)]
    recipients = dict.fromkeys(address for _, address in getaddresses(wanted) if "@" in address)
    if not authors or not recipients:
        return None
    mail_from = Address.parse(authors[0])
    message_id = header.message_id
    return Transaction(
        transaction_id=message_id,
        message_key=message_key("", "", message_id, authors[0], str(time).encode()),
        identity=Identity(authors[0].lower(), SOURCE, trusted=False),
        client="",
        helo="",
        mail_from=mail_from,
        recipients=tuple(Recipient(Address.parse(text), RecipientStatus.ACCEPTED) for text in recipients),
        stream=classify(mail_from, header),
        received_at=time,
        size_bytes=message.size_bytes,
    )


def _time(date: str) -> float | None:
    try:
        return believed(parsedate_to_datetime(date).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
