"""The whole way of a mail in a test: customer -> submission Postfix -> detector -> outbound Postfix -> sink."""

import smtplib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.support import postfix
from tests.support.detector_process import DetectorProcess, Settings, merged
from tests.support.dovecot import Dovecot
from tests.support.ports import HOST, PATIENCE
from tests.support.postfix import Postfix
from tests.support.smtp_sink import SmtpSink

Way = Literal["after-queue", "before-queue", "before-queue speed_adjust"]
NONEXISTENT = "nobody-"
"""Recipients that begin so are refused by the outbound server with 550 5.1.1."""


@dataclass(frozen=True, slots=True)
class Peers:
    """What stands around the servers of one test."""

    dovecot: Dovecot
    sink: SmtpSink
    directory: Path


@dataclass(frozen=True, slots=True)
class Customer:
    """Someone with a login, at a network address of the loopback range."""

    login: str
    password: str = "correct horse"
    network_address: str = HOST


@dataclass(frozen=True, slots=True)
class MailPath:
    """All servers, running."""

    dovecot: Dovecot
    submission: Postfix
    detector: DetectorProcess
    outbound: Postfix
    sink: SmtpSink

    def log_in(self, customer: Customer) -> smtplib.SMTP:
        return log_in(self.submission, customer)

    def send(self, customer: Customer, recipients: Sequence[str], content: bytes, **options: Any) -> None:
        """One message in a session of its own; `options` as for `smtplib.SMTP.sendmail`."""
        with self.log_in(customer) as client:
            client.sendmail(customer.login, list(recipients), content, **options)

    def add(self, *customers: Customer) -> None:
        """Give them their logins."""
        self.dovecot.add_users({customer.login: customer.password for customer in customers})


def log_in(submission: Postfix, customer: Customer) -> smtplib.SMTP:
    """A session at the submission server. Raises `smtplib.SMTPAuthenticationError`."""
    client = smtplib.SMTP(HOST, submission.port, timeout=PATIENCE, source_address=(customer.network_address, 0))
    try:
        client.login(customer.login, customer.password)
    except smtplib.SMTPException:
        client.close()
        raise
    return client


def letter(sender: str, subject: str, text: str = "See you on Friday.") -> bytes:
    """A plain message with all headers that Postfix would otherwise add."""
    lines = (
        f"From: <{sender}>",
        "To: undisclosed-recipients:;",
        f"Subject: {subject}",
        "Date: Sun, 22 Nov 2026 10:00:00 +0000",
        f"Message-ID: <{subject.replace(' ', '.')}@{sender.partition('@')[2]}>",
        "",
        text,
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


@contextmanager
def mail_path(peers: Peers, way: Way = "after-queue", settings: Settings | None = None) -> Iterator[MailPath]:
    """Start everything; stop everything, whatever happens. What the servers logged is printed when a test fails."""
    mode: Settings = {"mode": way.partition(" ")[0]}
    with postfix.outbound(peers.sink.port, [f"^{NONEXISTENT}"]) as outbound:
        detector = DetectorProcess(peers.directory, outbound.port, merged(mode, settings or {}))
        with detector, _submission(peers.dovecot, detector, way) as submission:
            try:
                yield MailPath(peers.dovecot, submission, detector, outbound, peers.sink)
            except BaseException:
                for name, log in (("submission", submission), ("detector", detector), ("outbound", outbound)):
                    print(f"--- {name}\n{log.log()[-4000:]}", file=sys.stderr)
                raise


def _submission(dovecot: Dovecot, detector: DetectorProcess, way: Way) -> Postfix:
    if way == "after-queue":
        return postfix.submission(dovecot.auth_socket, detector.port, detector.policy_port)
    options = way.removeprefix("before-queue").strip()
    return postfix.submission_before_queue(dovecot.auth_socket, detector.port, detector.policy_port, options)
