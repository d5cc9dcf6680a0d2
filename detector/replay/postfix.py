"""Format `postfix`: the lines that Postfix logs of one message, joined by queue id, become transactions.

    smtpd    4XyZ1: client=pc[192.0.2.7], sasl_method=PLAIN, sasl_username=ann
    cleanup  (Message-ID; the queue id names the message already)
    qmgr     4XyZ1: from=<ann@example.org>, size=1234, nrcpt=2 (queue active)
    smtp     4XyZ1: to=<bob@example.net>, ..., dsn=2.0.0, status=sent (...)        and lmtp, error, local, virtual, ...
    qmgr     4XyZ1: removed

Mail without a login is passed over: no account answers for it. Mail that comes back from a content filter on the same
host has none either, but its queue id stands where the first one ends (`queued as`). The answers that the hop would get
at RCPT time are not in a log; the status at delivery stands for them.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from detector.mail.address import Address
from detector.mail.stream import classify, message_key
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Transaction
from detector.mail.written import NOTHING
from detector.replay.log_files import Line
from detector.replay.postfix_lines import DELIVERY, PROBES, handed_on, places

SOURCE = "postfix log"
PATIENCE = 60.0  # seconds of the log that recipients wait for the others of their message
MOST_OPEN = 100_000  # messages that are not removed yet; beyond, the oldest are given up

_CLIENT = re.compile(rb"client=\S*\[([^\]]*)\]")
_LOGIN = re.compile(rb", sasl_username=([^,\s]+)")
_QUEUED = re.compile(rb"from=<([^>]*)>, size=(\d{1,15}), nrcpt=(\d{1,15})(?!\d)")  # int() refuses thousands of digits


@dataclass(slots=True)
class Count:
    """Lines in all, those that told something of a message, and those that should have but could not be read.

    `logins` counts the messages with a login.
    """

    lines: int = 0
    used: int = 0
    broken: int = 0
    logins: int = 0


@dataclass(slots=True)
class Queued:
    """A message in the queue. `recipients` are those not told yet, the first of them since `waiting_since`.

    The account is empty as long as it is not known whose mail came back from a content filter.
    """

    queue_id: str
    key: str
    account: str
    client: str
    mail_from: Address | None = None
    size_bytes: int = 0
    expected: int = 0
    waiting_since: float = 0.0
    recipients: list[Recipient] = field(default_factory=list)


class Joiner:
    """Takes lines of a log in order; what it remembers of unfinished messages is bounded."""

    def __init__(self, most_open: int = MOST_OPEN) -> None:
        self.count = Count()
        self._most_open = most_open
        self._open: OrderedDict[bytes, Queued] = OrderedDict()
        self._waiting: OrderedDict[bytes, Queued] = OrderedDict()
        self._now = 0.0
        self._kinds = {b"cli": self._client, b"fro": self._queued, b"to=": self._delivery, b"rem": self._removed}

    def transactions(self, lines: Iterable[Line]) -> Iterator[Transaction]:
        """A message with its recipients as soon as all were tried, or some had to wait for too long.

        Recipients that are tried again later come in another transaction with the same message key.
        """
        for line, calendar in lines:
            self.count.lines += 1
            start, end = places(line)
            kind = self._kinds.get(line[end + 2 : end + 5])
            if kind is None or start < 3 or not line[start:end].isalnum():
                continue
            now = calendar.read(line)
            if now is None:
                self.count.broken += 1
                continue
            self._now = now
            # Queue ids are unique on their host only.
            host = line[16 : line.find(b" ", 16)] if line[:1].isalpha() else line.split(b" ", 2)[1]
            finished = kind(host + b" " + line[start:end], line[end + 2 :])
            if finished is not None:
                yield self._transaction(finished)
            yield from self._overdue(now - PATIENCE)
        yield from self._overdue(float("inf"))

    # -- kinds of lines: each gives back a message that should be told now --

    def _client(self, name: bytes, text: bytes) -> Queued | None:
        self._waiting.pop(name, None)
        before = self._open.pop(name, None)  # a queue id that is used again: the end of the message before was lost
        login = _LOGIN.search(text)
        client = _CLIENT.match(text)
        if client is None:
            self.count.broken += 1
        else:
            self.count.used += 1
            address = _text(client[1])
            if login is not None:
                self.count.logins += 1
                self._begin(name, _text(login[1]).lower(), address)  # as the relay names accounts
            elif address.startswith("127.") or address == "::1":
                self._begin(name, "", address)
        return before if before is not None and before.account and before.recipients else None

    def _begin(self, name: bytes, account: str, client: str) -> None:
        host, _, queue_id = _text(name).partition(" ")
        key = message_key(host, f"{queue_id} {self._now:.0f}", "", "", b"")
        self._open[name] = Queued(queue_id, key, account, client)
        if len(self._open) > self._most_open:
            oldest, _ = self._open.popitem(last=False)
            self._waiting.pop(oldest, None)

    def _queued(self, name: bytes, text: bytes) -> None:
        message = self._open.get(name)
        match = _QUEUED.match(text)
        if match is None:
            self.count.broken += b", status=" not in text  # expired: its recipients come on lines of their own
            return
        self.count.used += 1
        if message is not None:
            message.mail_from = Address.parse(_text(match[1]))
            message.size_bytes = int(match[2])
            message.expected = int(match[3])

    def _delivery(self, name: bytes, text: bytes) -> Queued | None:
        match = DELIVERY.match(text)
        if match is None:
            self.count.broken += 1
            return None
        self.count.used += 1
        message = self._open.get(name)
        if message is None or match[4] in PROBES:
            return None
        if self._handed_on(name, message, text):
            message.expected -= 1
        else:
            message.recipients.append(_recipient(match))
        if message.account and len(message.recipients) >= message.expected:
            self._waiting.pop(name, None)
            return message if message.recipients else None
        if name not in self._waiting:
            message.waiting_since = self._now
            self._waiting[name] = message
        return None

    def _handed_on(self, name: bytes, message: Queued, text: bytes) -> bool:
        """Whether this delivery went to a content filter and came back; if so, what came back is the account's mail."""
        queue_id = handed_on(text) if message.account else b""
        returned = self._open.get(name.partition(b" ")[0] + b" " + queue_id)
        if returned is None or (returned.account and returned.key != message.key):
            return False
        returned.account, returned.key, returned.client = message.account, message.key, message.client
        return True

    def _removed(self, name: bytes, text: bytes) -> Queued | None:
        if not text.startswith(b"removed"):
            return None
        self.count.used += 1
        message = self._open.get(name)
        if message is None or not message.account:  # whose it was may stand in the next line
            return None
        self._waiting.pop(name, None)
        del self._open[name]
        return message if message.recipients else None

    # -- transactions --

    def _overdue(self, since: float) -> Iterator[Transaction]:
        while self._waiting:
            name, message = next(iter(self._waiting.items()))
            if message.waiting_since > since:
                return
            del self._waiting[name]
            if message.account and message.recipients:  # none where all went to a filter and the rest was lost
                yield self._transaction(message)
            elif not message.account and self._open.get(name) is message:
                del self._open[name]

    def _transaction(self, message: Queued) -> Transaction:
        recipients = tuple(message.recipients)
        deferred = sum(recipient.status is RecipientStatus.DEFERRED for recipient in recipients)
        message.recipients.clear()
        message.expected = max(message.expected - len(recipients), 0) + deferred
        mail_from = message.mail_from or Address.parse(message.account)
        return Transaction(
            transaction_id=message.queue_id,
            message_key=message.key,
            identity=Identity(message.account, SOURCE, trusted=True),
            client=message.client,
            helo="",
            mail_from=mail_from,
            recipients=recipients,
            stream=classify(mail_from, NOTHING.header),
            received_at=self._now,
            size_bytes=message.size_bytes,
        )


def _recipient(match: re.Match[bytes]) -> Recipient:
    # What the account wrote to, where an alias made others of it.
    address = Address.parse(_text(match[2] or match[1]))
    code = match[3].decode("ascii")
    if match[4] == b"sent":
        return Recipient(address, RecipientStatus.ACCEPTED, code)
    return Recipient(address, RecipientStatus.REFUSED if code.startswith("5") else RecipientStatus.DEFERRED, code)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
