"""The demo's submission server: asks the policy service, hands mail over by SMTP, tries deferred mail again."""

import smtplib
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from threading import Lock

from detector.cli.demo_world import PROVIDER, Letter

HOST = "127.0.0.1"
PATIENCE = 30.0
TRY_AGAIN_AFTER = 2.0
"""Postfix waits minutes; the demo has no minutes."""


class Fate(StrEnum):
    """What became of a recipient, as the submission server knows it."""

    WAITING = "waiting"  # not asked for yet
    PASSED = "passed"
    PACED = "paced"  # 4xx to RCPT: the window is full
    REFUSED = "refused"  # 5xx: no such mailbox
    HELD = "held"  # kept by the relay, which says 250: only we know how the demo's own next hop would have said it
    STOPPED = "stopped"  # 4xx to MAIL or to the message: the account is blocked


DECIDED = frozenset({Fate.PASSED, Fate.REFUSED, Fate.HELD})


@dataclass(slots=True)
class Queued:
    """A message in the queue; `fates` by recipient."""

    queue_id: str
    letter: Letter
    submitted_at: float
    fates: dict[str, Fate]
    asked_at: dict[str, float] = field(default_factory=dict)
    passed_at: dict[str, float] = field(default_factory=dict)
    was_paced: set[str] = field(default_factory=set)
    due_at: float = 0.0

    @property
    def undecided(self) -> list[str]:
        return [one for one, fate in self.fates.items() if fate not in DECIDED]


class Submission:
    """Its methods may be called from several threads. `troubles` are hand-overs that broke; they are tried again."""

    def __init__(self, relay_port: int, policy_port: int, clock: Callable[[], float]) -> None:
        self._relay_port = relay_port
        self._policy_port = policy_port
        self._clock = clock
        self._lock = Lock()
        self._numbers = count(1)
        self._queue: list[Queued] = []
        self.troubles: list[str] = []

    def submit(self, letter: Letter) -> None:
        """Take a message from a customer who has logged in, and hand it over."""
        with self._lock:
            queue_id = f"4dMo{next(self._numbers):06X}z"
            message = Queued(queue_id, letter, self._clock(), dict.fromkeys(letter.recipients, Fate.WAITING))
            message.due_at = float("inf")  # in work
            self._queue.append(message)
        self._hand_over(message, ask_policy=True)

    def try_again(self) -> int:
        """Hand over what has waited long enough; how many messages that were."""
        now = self._clock()
        with self._lock:
            due = [message for message in self._queue if message.undecided and message.due_at <= now]
            for message in due:
                message.due_at = float("inf")
        for message in due:
            self._hand_over(message)
        return len(due)

    def messages(self, account: str) -> list[Queued]:
        with self._lock:
            return [message for message in self._queue if message.letter.account == account]

    def fates(self, account: str) -> Counter[Fate]:
        """How many recipients of the account have met which fate so far."""
        return Counter(fate for message in self.messages(account) for fate in list(message.fates.values()))

    def _ask_policy(self, message: Queued) -> None:
        """As Postfix does at the end of a message (SMTPD_POLICY_README)."""
        letter = message.letter
        request = {
            "request": "smtpd_access_policy",
            "protocol_state": "END-OF-MESSAGE",
            "protocol_name": "ESMTP",
            "client_address": letter.client,
            "client_port": "51234",
            "queue_id": message.queue_id,
            "sender": letter.account,
            "sasl_method": "PLAIN",
            "sasl_username": letter.account,
        }
        lines = "".join(f"{name}={value}\n" for name, value in request.items())
        with socket.create_connection((HOST, self._policy_port), PATIENCE) as connection:
            connection.sendall(f"{lines}\n".encode())
            answer = connection.recv(512)
        if answer != b"action=DUNNO\n\n":
            msg = f"the policy service answered {answer!r}"
            raise ConnectionError(msg)

    def _hand_over(self, message: Queued, ask_policy: bool = False) -> None:
        try:
            if ask_policy:
                self._ask_policy(message)
            with smtplib.SMTP(HOST, self._relay_port, f"mail.{PROVIDER}", PATIENCE) as smtp:
                smtp.ehlo()
                smtp.docmd("XFORWARD", f"ADDR={message.letter.client} IDENT={message.queue_id} SOURCE=REMOTE")
                self._transaction(smtp, message)
        except (OSError, smtplib.SMTPException) as error:
            self.troubles.append(f"{message.queue_id}: {error}")
        finally:
            message.due_at = self._clock() + TRY_AGAIN_AFTER

    def _transaction(self, smtp: smtplib.SMTP, message: Queued) -> None:
        asked = message.undecided
        code, _ = smtp.mail(message.letter.account)
        if code != 250:
            self._note(message, asked, Fate.STOPPED)
            return
        accepted = []
        for recipient in asked:
            code, _ = smtp.rcpt(recipient)
            if code == 250:
                accepted.append(recipient)
            else:
                self._note(message, [recipient], Fate.REFUSED if code >= 500 else Fate.PACED)
        if not accepted:
            smtp.rset()
            return
        code, text = smtp.data(message.letter.content(message.queue_id))
        taken = Fate.HELD if b"queued as" in text else Fate.PASSED
        self._note(message, accepted, taken if code == 250 else Fate.STOPPED)

    def _note(self, message: Queued, recipients: list[str], fate: Fate) -> None:
        now = self._clock()
        for recipient in recipients:
            message.fates[recipient] = fate
            message.asked_at.setdefault(recipient, now)
            if fate is Fate.PASSED:
                message.passed_at[recipient] = now
            elif fate is Fate.PACED:
                message.was_paced.add(recipient)
