"""Customers in databases and LDAP directories: what is told about them, and what is not a way to reach them."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from detector.config import ConfigError, LdapDirectory, SqlDirectory
from detector.ports import Contact, Refused, Secret, Temporary
from detector.response.contact import without_hijacked_ways
from detector.response.customer_tables import LdapCustomers, SqlCustomers
from tests.support.mariadb import MariaDB
from tests.support.openldap import BIND_DN, BIND_PASSWORD, OpenLDAP
from tests.support.postgres import Postgres

ANN = "ann@example.org"
TABLE = (
    "CREATE TABLE customers (login VARCHAR(100), mail VARCHAR(100), n VARCHAR(100), lang VARCHAR(9), tel VARCHAR(30))"
)
ROWS = (
    "INSERT INTO customers VALUES ('ann@example.org', 'ann@home.example', 'Ann Ünlü', 'de', '+43 1 5550100'), "
    "('bob@example.org', NULL, 'Bob', NULL, NULL), "
    "('cid@example.org', 'cid+x@example.org', NULL, NULL, '+43 1 5550101'), "
    "('dan@example.org', 'a@b.example', NULL, NULL, NULL), ('dan@example.org', 'c@d.example', NULL, NULL, NULL)"
)
SELECT = "SELECT mail AS address, n AS name, lang AS language, tel AS telephone FROM customers WHERE login = :account"
ANN_THERE = Contact(ANN, "ann@home.example", "Ann Ünlü", "de", "+4315550100")


def customers(url: str, select: str = SELECT, password: Secret | None = None) -> SqlCustomers:
    return SqlCustomers(SqlDirectory(provider="sql", url=url, select=select), password)


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "crm.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(TABLE)
    connection.execute(ROWS)
    connection.commit()
    connection.close()
    return f"sqlite:///{path}"


def test_a_customer_is_told_with_all_that_is_known(url: str, postgres: Postgres, mariadb: MariaDB) -> None:
    in_postgres, in_mariadb = postgres.fresh(), mariadb.fresh()
    for statement in (TABLE, ROWS, "GRANT SELECT ON customers TO PUBLIC"):
        postgres.execute(statement, in_postgres)
    mariadb.execute(TABLE, ROWS, database=in_mariadb)
    socket_url = f"mysql://root@/{in_mariadb}?unix_socket={mariadb.socket}"
    for place in (customers(url), customers(postgres.url(in_postgres)), customers(socket_url, password=Secret(""))):
        assert place.check().endswith("tells address, name, language, telephone")
        assert place.contact(ANN) == ANN_THERE
        assert place.contact("eve@example.org") is None


def test_a_customer_without_a_way_to_reach_them_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="for account 'bob"):
        customers(url).contact("bob@example.org")


def test_an_address_that_a_thief_reads_is_told_apart_by_the_same_rule_as_everywhere(url: str) -> None:
    contact = customers(url).contact("cid@example.org")
    assert contact is not None
    assert without_hijacked_ways(contact) == Contact("cid@example.org", telephone="+4315550101")


def test_two_rows_are_one_too_many(url: str) -> None:
    with pytest.raises(Refused, match="more than one row"):
        customers(url).contact("dan@example.org")


def test_a_database_that_is_away_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(Temporary):
        customers(f"sqlite:///{tmp_path / 'away.sqlite'}").contact(ANN)


@pytest.mark.parametrize(
    ("select", "told"),
    [
        ("SELECT mail FROM customers WHERE login = :account", "'mail' is none"),
        ("SELECT n AS name FROM customers WHERE login = :account", "no way to the customer"),
        ("SELECT missing AS address FROM customers WHERE login = :account", "no such column"),
    ],
)
def test_a_statement_with_other_columns_is_told_at_start(url: str, select: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        customers(url, select).check()


# -- LDAP --


def ldap_customers(server: OpenLDAP, branch: str, **changes: Any) -> LdapCustomers:
    settings = {
        "provider": "ldap",
        "url": server.url,
        "bind_dn": BIND_DN,
        "password": {"environment": "UNUSED"},
        "base": branch,
        **changes,
    }
    return LdapCustomers(LdapDirectory.model_validate(settings), Secret(BIND_PASSWORD))


@pytest.fixture
def branch(openldap: OpenLDAP) -> str:
    branch = openldap.fresh()
    openldap.add(
        f"dn: cn=ann,{branch}\nobjectClass: inetOrgPerson\ncn: Ann Ünlü\ncn: ann\nsn: x\nmail: ann@example.org\n"
        "mail: ann@home.example\npreferredLanguage: de-AT, de;q=0.9, en;q=0.5\nmobile: +43 1 5550100\n"
        "postalAddress: Ann Ünlü$1 Main Street$Cost \\24 5\n\n"
        f"dn: cn=bob,{branch}\nobjectClass: inetOrgPerson\ncn: bob\nsn: x\nmail: bob@example.org\n"
    )
    return branch


def test_an_entry_is_told_with_all_that_is_known(openldap: OpenLDAP, branch: str) -> None:
    place = ldap_customers(openldap, branch)
    assert place.check().startswith("customer directory ldap://")
    contact = place.contact(ANN)
    assert contact is not None
    assert (contact.address, contact.language) == ("ann@home.example", "de-AT")
    assert (contact.telephone, contact.postal_address) == ("+4315550100", "Ann Ünlü\n1 Main Street\nCost $ 5")
    assert place.contact("eve@example.org") is None


def test_of_several_addresses_the_first_is_taken_that_a_thief_does_not_read(openldap: OpenLDAP, branch: str) -> None:
    contact = ldap_customers(openldap, branch).contact("bob@example.org")
    assert contact == Contact("bob@example.org", "bob@example.org", "bob")
    assert without_hijacked_ways(contact) == Contact("bob@example.org", name="bob")


def test_what_is_not_asked_for_is_not_told(openldap: OpenLDAP, branch: str) -> None:
    attributes = {"address": "", "name": "sn", "language": "", "postal_address": "", "telephone": "mobile"}
    contact = ldap_customers(openldap, branch, attributes=attributes).contact(ANN)
    assert contact == Contact(ANN, name="x", telephone="+4315550100")


def test_an_entry_without_a_way_to_the_customer_is_refused(openldap: OpenLDAP, branch: str) -> None:
    with pytest.raises(Refused, match="cannot be used"):
        ldap_customers(openldap, branch, attributes={"address": ""}).contact("bob@example.org")
