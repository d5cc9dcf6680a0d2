"""A hijack from the first held message to the last decision, with the servers that a provider has.

In one run people confirm, in the other one they dismiss. Passwords are in PostgreSQL and in OpenLDAP, customers in
OpenLDAP and in MariaDB, records and containments in PostgreSQL and in SQLite.
"""

import imaplib
import json
import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.detector_process import Settings, merged
from tests.support.dovecot import Dovecot
from tests.support.hijack import CONTACT, OFFER, blast
from tests.support.http_receiver import Receiver
from tests.support.mail_path import Customer, MailPath, Peers, letter, mail_path
from tests.support.mariadb import MariaDB
from tests.support.openldap import BIND_DN, BIND_PASSWORD, OpenLDAP
from tests.support.password_stores import (
    ACCOUNTS,
    DB_PASSWORD,
    DOVECOT_LDAP,
    DOVECOT_SQL,
    LdapStore,
    PostgresStore,
    Store,
)
from tests.support.ports import HOST, wait_for
from tests.support.postgres import SUPERUSER, Postgres
from tests.support.smtp_sink import SmtpSink

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.debian(
        "postfix",
        "dovecot-core",
        "dovecot-imapd",
        "dovecot-pgsql",
        "dovecot-ldap",
        "postgresql",
        "mariadb-server",
        "slapd",
    ),
]

ANN = Customer(ACCOUNTS[0], "old", network_address="127.0.0.3")
BOB = Customer(ACCOUNTS[1], "old", network_address="127.0.0.2")
THIEF = Customer(ANN.login, ANN.password, network_address="127.0.66.6")
HOOK_KEY = "the key of the ticket system"
POSTFIX_TOOLS = ("postqueue", "postcat", "postsuper")
STEPS = ("change_password", "end_sessions", "hold_queue", "notify_customer")
# An offer to many strangers is doubtful here, and a message to a friend is not.
DOUBTFUL: Settings = {"judging": {"hold_score": 0.5}}
STRANGERS = [f"stranger-{number}@example-{number}.com" for number in range(18)]


@dataclass(slots=True)
class Tickets:
    """The operators' system: what it was told, and when."""

    receiver: Receiver
    heard: list[tuple[str, float]] = field(default_factory=list)

    @property
    def kinds(self) -> set[str]:
        return {kind for kind, _ in self.heard}


@pytest.fixture
def tickets() -> Iterator[Tickets]:
    with Receiver(HOOK_KEY, time.time) as receiver:
        tickets = Tickets(receiver)

        def hear(event: dict[str, Any]) -> int:
            tickets.heard.append((event["event"], time.time()))
            return 204

        receiver.carry_out = hear
        yield tickets


@dataclass(frozen=True, slots=True)
class House:
    """What stands for one run."""

    store: Store
    dovecot: Dovecot
    tickets: Tickets
    directory: Path
    settings: Settings


def in_postgresql(postgres: Postgres, openldap: OpenLDAP, records_url: str) -> tuple[Store, tuple[str, str], Settings]:
    """Passwords, records and containments in PostgreSQL, customers in OpenLDAP."""
    store, customers = PostgresStore("dovecot", postgres), LdapStore(openldap)
    openldap.add(
        f"dn: {customers.name_of(ANN.login)}\nchangetype: modify\nadd: mail\nmail: {CONTACT}\n-\n"
        "add: preferredLanguage\npreferredLanguage: de\n"
    )
    driver = DOVECOT_SQL.format(host=HOST, port=postgres.port, database=store.database, user=SUPERUSER)
    url = postgres.url(store.database, f"{store.database}_writer").replace("+psycopg", "")
    return (
        store,
        ("sql", driver),
        {
            "records": {"url": records_url},
            "response": {
                "password": {"provider": "sql", "url": url, "preset": "dovecot", "prefix": False},
                "directory": {"provider": "ldap", **ldap(openldap, customers)},
            },
        },
    )


def in_openldap(openldap: OpenLDAP, mariadb: MariaDB) -> tuple[Store, tuple[str, str], Settings]:
    """Passwords in OpenLDAP, customers in MariaDB, records and containments in SQLite."""
    store, database = LdapStore(openldap), mariadb.fresh()
    mariadb.execute(
        "CREATE TABLE customers (login VARCHAR(255), mail VARCHAR(255), lang VARCHAR(8))",
        f"INSERT INTO customers VALUES ('{ANN.login}', '{CONTACT}', 'fr')",  # noqa: S608 - our own words
        f"CREATE USER {database}_reader@'%' IDENTIFIED BY '{DB_PASSWORD}' REQUIRE SSL",
        f"GRANT SELECT ON customers TO {database}_reader@'%'",
        database=database,
    )
    driver = DOVECOT_LDAP.format(url=openldap.url, base=store.branch, bind_dn=BIND_DN, bind_password=BIND_PASSWORD)
    return (
        store,
        ("ldap", driver),
        {
            "response": {
                "password": {"provider": "ldap", "starttls": True, **ldap(openldap, store)},
                "directory": {
                    "provider": "sql",
                    "url": f"mysql://{database}_reader@{HOST}:{mariadb.port}/{database}",
                    "password": {"environment": "TEST_DB_PASSWORD"},
                    "ca_file": str(mariadb.certificate.path),
                    "select": "SELECT mail AS address, lang AS language FROM customers WHERE login = :account",
                },
            },
        },
    )


def ldap(openldap: OpenLDAP, store: LdapStore) -> Settings:
    return {
        "url": openldap.url,
        "ca_file": str(openldap.certificate.path),
        "bind_dn": BIND_DN,
        "password": {"environment": "TEST_BIND_PASSWORD"},
        "base": store.branch,
    }


@pytest.fixture(params=["in PostgreSQL", "in OpenLDAP"])
def house(
    request: pytest.FixtureRequest,
    real_servers: None,
    tickets: Tickets,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    for name, secret in (("HOOK_KEY", HOOK_KEY), ("DB_PASSWORD", DB_PASSWORD), ("BIND_PASSWORD", BIND_PASSWORD)):
        monkeypatch.setenv(f"TEST_{name}", secret)
    here = request.getfixturevalue
    if request.param == "in PostgreSQL":
        store, place, settings = in_postgresql(here("postgres"), here("openldap"), here("postgres_records_url"))
    else:
        store, place, settings = in_openldap(here("openldap"), here("mariadb"))
    dovecot = Dovecot()
    dovecot.look_up_in(*place)
    with dovecot:
        yield House(store, dovecot, tickets, tmp_path, merged(settings, common(dovecot, tickets, tmp_path)))


def common(dovecot: Dovecot, tickets: Tickets, directory: Path) -> Settings:
    monkeypatched = {"environment": "TEST_HOOK_KEY"}
    hook = {"provider": "http", "url": f"http://{HOST}:{tickets.receiver.port}/", "secret": monkeypatched}
    return merged(
        DOUBTFUL,
        {
            "response": {
                "sessions": {"provider": "dovecot", "doveadm": list(dovecot.doveadm)},
                "queue": {"provider": "postfix", **{name: [str(directory / name)] for name in POSTFIX_TOOLS}},
                "notice": {"sender": "abuse@example.net"},
                "hooks": [{"name": "tickets", "action": hook, "group_wait": 0.0}],
                "retry": {"first_wait": 0.5},
            }
        },
    )


@contextmanager
def running(house: House, sink: SmtpSink) -> Iterator[MailPath]:
    """All servers; the tools of the queue are those of the Postfix in front."""
    with mail_path(Peers(house.dovecot, sink, house.directory / "detector"), settings=house.settings) as path:
        for name in POSTFIX_TOOLS:
            tool = house.directory / name
            tool.write_text(f'#!/bin/sh\nexec /usr/sbin/{name} -c {path.submission.directory}/etc "$@"\n', "utf-8")
            tool.chmod(0o755)
        yield path


def hijacked(house: House, path: MailPath) -> dict[str, Any]:
    """Let a thief in, and wait until all is done that the program does by itself; the incident."""
    path.send(THIEF, STRANGERS, letter(ANN.login, "offer to some", OFFER))
    wait_for(lambda: bool(states(path)), "what is doubtful is held")
    with house.dovecot.imap_session(ANN.login, ANN.password) as session:
        blast(path, by=THIEF)
        wait_for(lambda: "incident.contained" in house.tickets.kinds, "the operators know that it is contained")
        _wait_for_end(session)
    for client in (house.dovecot.authenticates, house.store.accepts):
        assert not client(ANN.login, ANN.password)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        path.log_in(THIEF)
    with pytest.raises(imaplib.IMAP4.error), house.dovecot.imap_session(ANN.login, ANN.password):
        pass
    (incident,) = ask(path, "incidents", "list")
    assert (incident["account"], incident["state"]) == (ANN.login, "contained")
    return dict(incident)


def test_a_hijack_is_held_contained_and_confirmed_or_dismissed(
    house: House, sink: SmtpSink, record_property: Callable[[str, object], None]
) -> None:
    dismiss = "records" not in house.settings
    with running(house, sink) as path:
        path.send(BOB, ["friend@example.org"], letter(BOB.login, "hello"))
        incident = hijacked(house, path)
        name = incident["incident_id"]
        assert "hold" in queues(path)
        [notice] = path.sink.wait_for_messages(1, to=CONTACT)
        assert (b"passe" if dismiss else b"Passwort") in notice.content
        before, waited = len(spam(path)), set(states(path))
        assert waited
        for step, seconds in times_of(path, name).items():
            record_property(f"seconds from verdict to {step}", seconds)

        ask(path, "incidents", "dismiss" if dismiss else "confirm", name, "--note", "spoke to the customer")
        if dismiss:
            # What Postfix tries again now is judged anew, and may be held anew.
            wait_for(lambda: {states(path)[one] for one in waited} == {"released"}, "held mail goes out")
            path.sink.wait_for_messages(2, to=CONTACT)  # the apology
            wait_for(lambda: "incident.closed" in house.tickets.kinds, "the operators know that it is over")
            wait_for(lambda: "hold" not in queues(path), "what was stopped in the queue goes on")
            wait_for(lambda: len(spam(path)) > before, "it reaches those to whom it was written")
            assert ask(path, "accounts", "show", ANN.login)["standing"] == "free"
        else:
            wait_for(lambda: not _of(path, ANN.login), "the thief's mail has left the queue")
            wait_for(lambda: set(states(path).values()) == {"discarded"}, "and so has what we held")
            assert len(spam(path)) == before
            assert len(ask(path, "accounts", "strikes", ANN.login)[0]["strikes"]) == 1
        again = ask(path, "password", "issue", ANN.login, "--verified", "called back")["password"]
        wait_for(lambda: house.dovecot.authenticates(ANN.login, again), "the customer has a new password")
        path.send(BOB, ["friend@example.org"], letter(BOB.login, "hello again"))
        path.sink.wait_for_messages(2, to="friend@")
        assert ask(path, "audit", "verify")


def ask(path: MailPath, *words: str) -> Any:
    return json.loads(path.detector.command(*words, "--json", "--config", str(path.detector.path)))


def states(path: MailPath) -> dict[str, str]:
    """What has become of each message that was held."""
    return {message["message_id"]: message["state"] for message in ask(path, "held", "list", "--all")}


def spam(path: MailPath) -> list[str]:
    """The recipients that the stolen login has reached."""
    found = [message for message in path.sink.messages if b"Subject: offer" in message.header]
    return [address for message in found for address in message.addresses]


def times_of(path: MailPath, incident_id: str) -> dict[str, float]:
    """Seconds from the verdict to the end of each step."""
    story = ask(path, "incidents", "show", incident_id)
    ends = {told["event"]: told["at"] - story["incident"]["opened_at"] for told in story["timeline"]}
    return {step: ends[f"{step}: done"] for step in STEPS}


def queues(path: MailPath) -> set[str]:
    """In which of Postfix's queues the account has mail."""
    return {entry["queue_name"] for entry in _of(path, ANN.login)}


def _of(path: MailPath, login: str) -> list[dict[str, Any]]:
    return [entry for entry in path.submission.queue() if entry["sender"] == login]


def _wait_for_end(session: imaplib.IMAP4) -> None:
    with pytest.raises(imaplib.IMAP4.abort):
        wait_for(lambda: session.noop()[0] != "OK", "the open session is ended")
