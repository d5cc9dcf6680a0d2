"""Reports to senders of messages that were held and then refused: held messages themselves, so none is sent twice."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from msgspec import structs

from detector.mail.address import Address
from detector.mail.headers import header_section
from detector.mail.path import parse_mail
from detector.mail.report import MOST_RETURNED, Failure, Undelivered, failure_report, wants_whole
from detector.records.held_entries import HeldMessage, HeldRecipient, HeldState
from detector.records.incidents import PROGRAM
from detector.relay.dots import stuffed, unstuffed
from detector.relay.held_files import HeldFiles
from detector.relay.held_seal import Unreadable


class Reports:
    """Writes reports. `hostname` is ours."""

    def __init__(self, files: HeldFiles, hostname: str, new_id: Callable[[], str]) -> None:
        self._files = files
        self._hostname = hostname
        self._new_id = new_id

    def write(self, message: HeldMessage, failures: Sequence[Failure], now: float) -> HeldMessage:
        """The row of a report whose file is on disk. Blocks. Raises `OSError`."""
        report_id = self._new_id()
        about = self._undelivered(message)
        written = failure_report(about, failures, report_id, now)
        writer = self._files.create(report_id)
        try:
            writer.write(stuffed(written))
            writer.commit()
        except BaseException:
            writer.abort()
            raise
        return self._row(message, report_id, len(written), now)

    def _undelivered(self, message: HeldMessage) -> Undelivered:
        beginning, complete = beginning_of(self._files, message.message_id, MOST_RETURNED)
        whole = complete and wants_whole(message.mail)
        content = beginning if whole else header_section(beginning)
        return Undelivered(message.mail, self._hostname, message.held_at, content, whole)

    def _row(self, message: HeldMessage, report_id: str, size_bytes: int, now: float) -> HeldMessage:
        sender = parse_mail(message.mail).address
        unicode = not str(sender).isascii()
        return replace(
            message,
            message_id=report_id,
            mail="FROM:<> SMTPUTF8" if unicode else "FROM:<>",
            recipients=(HeldRecipient(f"TO:<{sender}>"),),
            xforward={},
            transaction=structs.replace(message.transaction, transaction_id=report_id, mail_from=Address("", "")),
            size_bytes=size_bytes,
            held_at=now,
            changed_at=now,
            key_id=self._files.keys.newest.key_id,
            state=HeldState.RELEASING,
            digest="",
            about=message.message_id,
            attempts=0,
            next_attempt_at=now,
            released_at=now,
            decided_by=PROGRAM,
            decided_at=now,
            reason="a report to the sender",
            problem="",
        )


def beginning_of(files: HeldFiles, message_id: str, most_bytes: int) -> tuple[bytes, bool]:
    """The message as its sender wrote it, up to so many octets, and whether that is all; nothing if unreadable."""
    octets = bytearray()
    try:
        for piece in files.read(message_id):
            octets += piece
            if len(octets) > most_bytes:
                return unstuffed(bytes(octets[:most_bytes])), False
    except Unreadable:
        return b"", False
    return unstuffed(bytes(octets)), True
