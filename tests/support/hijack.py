"""A hijacked login and what a provider has in place against it."""

import smtplib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.support.detector_process import Settings
from tests.support.dovecot import Dovecot
from tests.support.mail_path import NONEXISTENT, Customer, MailPath, letter

NORA = Customer("nora@example.net", network_address="127.0.0.3")
THIEF = Customer(NORA.login, NORA.password, network_address="127.0.66.6")
CONTACT = "nora.at.work@example.com"
OFFER = "You have won the lottery! Claim your prize of $1,000,000 now, reply with your bank account and phone number."
MESSAGES, RECIPIENTS_EACH, SESSIONS = 80, 20, 4


def full_response(dovecot: Dovecot, directory: Path) -> Settings:
    """Password file, sessions, notice and one hook, which appends what it is told to the file `operators`."""
    directory.mkdir(parents=True, exist_ok=True)
    customers = directory / "customers.csv"
    customers.write_text(f"account,address,name\n{NORA.login},{CONTACT},Nora\n", "utf-8")
    hook = {"provider": "command", "argv": ["/usr/bin/tee", "-a", str(directory / "operators")]}
    return {
        "response": {
            "password": {"provider": "passwd-file", "path": str(dovecot.passwd_file)},
            "sessions": {"provider": "dovecot", "doveadm": list(dovecot.doveadm)},
            "directory": {"provider": "csv", "path": str(customers)},
            "notice": {"sender": "abuse@example.net"},
            "hooks": [{"name": "tickets", "action": hook}],
            "retry": {"first_wait": 0.5},
        }
    }


def blast(path: MailPath, by: Customer = THIEF) -> int:
    """Send spam by the stolen login in several sessions, 25 % to people who do not exist; to how many in all."""
    sessions = [path.log_in(by) for _ in range(SESSIONS)]
    for number, recipients in enumerate(_targets()):
        content = letter(by.login, f"offer {number}", f"{OFFER} Ticket {number}!")
        with suppress(smtplib.SMTPException):  # before the queue the thief hears the refusals himself
            sessions[number % SESSIONS].sendmail(by.login, recipients, content)
    for client in sessions:
        client.close()
    return MESSAGES * RECIPIENTS_EACH


def escaped(path: MailPath) -> list[str]:
    """The recipients that the thief's mail has reached."""
    spam = [message for message in path.sink.messages if b"Subject: offer" in message.header]
    return [address for message in spam if message.sender.address == THIEF.login for address in message.addresses]


def _targets() -> Iterator[list[str]]:
    for number in range(MESSAGES):
        names = [f"target-{number}-{i}" if i % 4 else f"{NONEXISTENT}{number}-{i}" for i in range(RECIPIENTS_EACH)]
        yield [f"{name}@victims.example" for name in names]
