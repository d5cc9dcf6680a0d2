"""What every customer directory keeps: the same contact from the same facts, and nobody for an unknown account."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.config import (
    CommandAction,
    ConfigError,
    CsvDirectory,
    HttpAction,
    LdapDirectory,
    SecretSource,
    SqlDirectory,
)
from detector.ports import Contact, CustomerDirectory, Refused, Secret, Temporary
from detector.response.command import Command
from detector.response.customer_tables import LdapCustomers, SqlCustomers
from detector.response.directory import CommandDirectory, CsvFile, HttpDirectory
from detector.response.http import Endpoint
from tests.support.http_receiver import Receiver
from tests.support.openldap import BIND_DN, BIND_PASSWORD, OpenLDAP

NOW = 1000.0
ANN = {
    "address": "ann@private.example",
    "name": "Ann Lee",
    "language": "de",
    "telephone": "+43 1 555 0100",
    "postal_address": "Hauptstraße 1\n1010 Wien",
}
NOWHERE = "cid@example.org"
"""An account of which the directory has a name only."""

KNOWN = {"ann@example.org": ANN, "bob@example.org": {"telephone": "+15550100"}, NOWHERE: {"name": "Cid"}}


def csv_file(directory: Path) -> CustomerDirectory:
    path = directory / "customers.csv"
    rows = [["account", *ANN], *([account, *(row.get(name, "") for name in ANN)] for account, row in KNOWN.items())]
    path.write_text("".join(",".join(f'"{value}"' for value in row) + "\n" for row in rows))
    return CsvFile(CsvDirectory(provider="csv", path=path))


def program(directory: Path) -> CommandDirectory:
    path = directory / "customers.json"
    path.write_text(json.dumps(KNOWN))
    code = (
        "import json, sys; known = json.load(open(sys.argv[1])); asked = json.load(sys.stdin); "
        "assert asked['action'] == 'contact'; print(json.dumps(known.get(asked['account'], {})))"
    )
    return CommandDirectory(
        Command(CommandAction(provider="command", argv=(sys.executable, "-c", code, str(path)))), lambda: NOW
    )


def table(directory: Path) -> SqlCustomers:
    path = directory / "crm.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE customers (login TEXT, {', '.join(f'{name} TEXT' for name in ANN)})")
    for account, row in KNOWN.items():
        values = (account, *(row.get(name) for name in ANN))
        connection.execute("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?)", values)
    connection.commit()
    connection.close()
    select = "SELECT address, name, language, telephone, postal_address FROM customers WHERE login = :account"
    return SqlCustomers(SqlDirectory(provider="sql", url=f"sqlite:///{path}", select=select), None)


ATTRIBUTES = {
    "address": "mail",
    "name": "displayName",
    "language": "preferredLanguage",
    "telephone": "mobile",
    "postal_address": "postalAddress",
}


def branch(server: OpenLDAP) -> LdapCustomers:
    base = server.fresh()
    for account, row in KNOWN.items():
        values = [f"{ATTRIBUTES[name]}: {value.replace(chr(10), '$')}\n" for name, value in row.items()]
        entry = f"dn: uid={account},{base}\nobjectClass: inetOrgPerson\nuid: {account}\ncn: x\nsn: x\n"
        server.add(entry + "".join(values))
    settings = {"provider": "ldap", "url": server.url, "bind_dn": BIND_DN, "password": {"environment": "UNUSED"}}
    settings |= {"base": base, "filter": "(uid={account})", "attributes": ATTRIBUTES}
    return LdapCustomers(LdapDirectory.model_validate(settings), Secret(BIND_PASSWORD))


@pytest.fixture(params=["csv", "command", "http", "sql", "ldap"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CustomerDirectory]:
    if request.param == "ldap":
        yield branch(request.getfixturevalue("openldap"))
        return
    if request.param != "http":
        yield {"csv": csv_file, "command": program, "sql": table}[request.param](tmp_path)
        return
    with Receiver("a shared secret", lambda: NOW) as receiver:
        receiver.carry_out = lambda asked: 200 if asked["account"] in KNOWN else 404
        receiver.body = lambda asked: json.dumps(KNOWN[asked["account"]]).encode()
        url = f"http://localhost:{receiver.port}/contact"
        settings = HttpAction(provider="http", url=url, secret=SecretSource(environment="UNUSED"))
        # Each question has an idempotency key of its own, and this clock stands still.
        ticks = iter(range(1000))
        yield HttpDirectory(
            Endpoint(settings, Secret("a shared secret"), lambda: NOW), lambda: NOW + next(ticks) / 1000
        )


def test_the_same_facts_are_the_same_contact(directory: CustomerDirectory) -> None:
    expected = Contact(
        "ann@example.org", "ann@private.example", "Ann Lee", "de", "+4315550100", "Hauptstraße 1\n1010 Wien"
    )
    assert directory.contact("ann@example.org") == expected
    assert directory.contact("bob@example.org") == Contact("bob@example.org", telephone="+15550100")


def test_an_unknown_account_has_no_contact(directory: CustomerDirectory) -> None:
    assert directory.contact("eve@example.org") is None


def test_somebody_who_cannot_be_reached_is_not_taken_for_a_contact(directory: CustomerDirectory) -> None:
    if isinstance(directory, CsvFile):
        assert directory.contact(NOWHERE) is None
    else:
        with pytest.raises(Refused, match=f"no address .* for account '{NOWHERE}'"):
            directory.contact(NOWHERE)


def test_a_check_finds_something_or_says_what_is_wrong(directory: CustomerDirectory) -> None:
    assert directory.check()


def test_a_directory_that_has_gone_may_come_back(tmp_path: Path) -> None:
    gone = csv_file(tmp_path)
    (tmp_path / "customers.csv").unlink()
    with pytest.raises(Temporary):
        gone.contact("ann@example.org")
    with pytest.raises(ConfigError):
        gone.check()
