"""What every password provider keeps: the new password is accepted, the old one is not, and nobody else is touched."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from detector.config import CommandAction, HttpAction, PasswdFileProvider, SecretSource
from detector.ports import Refused, Secret, Temporary
from detector.response.command import Command, CommandPassword
from detector.response.http import Endpoint, HttpPassword
from detector.response.passwd_file import PasswdFile
from detector.response.secret import new_password
from tests.support.fake_cpanel import FakeCpanel
from tests.support.fake_keycloak import FakeKeycloak
from tests.support.fake_mailcow import FakeMailcow
from tests.support.fake_wildduck import FakeWildduck
from tests.support.http_receiver import Receiver
from tests.support.password_stores import (
    ACCOUNTS,
    ActiveDirectoryStore,
    LdapStore,
    MariaDBStore,
    PostgresStore,
    SqliteStore,
    Store,
    verifies,
)
from tests.support.response import NOW


class PasswdFileStore(Store):
    def __init__(self, directory: Path, scheme: str) -> None:
        self.path = directory / "users"
        old = "{BLF-CRYPT}" + bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode()
        self.path.write_text("".join(f"{account}:{old}:1000:1000\n" for account in ACCOUNTS))
        settings = {"provider": "passwd-file", "path": self.path, "scheme": scheme}
        self.provider = PasswdFile(PasswdFileProvider.model_validate(settings), settling_time=0.0)

    def accepts(self, account: str, password: str) -> bool:
        line = next(line for line in self.path.read_text().splitlines() if line.startswith(account + ":"))
        return verifies(line.split(":")[1], password)

    def go_away(self) -> None:
        self.path.rename(self.path.with_name("away"))

    def come_back(self) -> None:
        self.path.with_name("away").rename(self.path)


PROGRAM = """
import json, os, sys
path = sys.argv[1]
if not os.path.exists(path):
    sys.exit(75)
request = json.load(sys.stdin)
passwords = json.load(open(path))
if request["account"] not in passwords:
    sys.exit("no such account, and this is no password: " + request["password"])
passwords[request["account"]] = request["password"]
json.dump(passwords, open(path, "w"))
"""


class CommandStore(Store):
    def __init__(self, directory: Path) -> None:
        self.path = directory / "passwords.json"
        self.path.write_text(json.dumps(dict.fromkeys(ACCOUNTS, "old")))
        argv = (sys.executable, "-c", PROGRAM, str(self.path))
        self.provider = CommandPassword(Command(CommandAction(provider="command", argv=argv)), lambda: NOW)

    def accepts(self, account: str, password: str) -> bool:
        return bool(json.loads(self.path.read_text())[account] == password)

    def go_away(self) -> None:
        self.path.rename(self.path.with_name("away"))

    def come_back(self) -> None:
        self.path.with_name("away").rename(self.path)


class HttpStore(Store):
    def __init__(self, receiver: Receiver) -> None:
        self.passwords = dict.fromkeys(ACCOUNTS, "old")
        self.receiver = receiver
        receiver.carry_out = self.carry_out
        settings = HttpAction(
            provider="http",
            url=f"http://localhost:{receiver.port}/password",
            secret=SecretSource(environment="UNUSED"),
        )
        self.provider = HttpPassword(Endpoint(settings, Secret("shared"), lambda: NOW), lambda: NOW)

    def carry_out(self, document: dict[str, Any]) -> int:
        if document["account"] not in self.passwords:
            return 404
        self.passwords[document["account"]] = document["password"]
        return 204

    def accepts(self, account: str, password: str) -> bool:
        return self.passwords[account] == password

    def go_away(self) -> None:
        self.receiver.statuses = [503]

    def come_back(self) -> None:
        self.receiver.statuses = []


FakePanel = FakeCpanel | FakeKeycloak | FakeMailcow | FakeWildduck
PANELS: dict[str, type[FakePanel]] = {
    "cpanel": FakeCpanel,
    "keycloak": FakeKeycloak,
    "mailcow": FakeMailcow,
    "wildduck": FakeWildduck,
}


class PanelStore(Store):
    """An API of somebody else, played by a strict fake."""

    def __init__(self, fake: FakePanel) -> None:
        self.fake = fake
        self.provider = fake.provider()

    def accepts(self, account: str, password: str) -> bool:
        return self.fake.passwords[account] == password

    def go_away(self) -> None:
        self.fake.instead = [(503, None)]

    def come_back(self) -> None:
        self.fake.instead = []


SERVERS: dict[str, Callable[[pytest.FixtureRequest], Store]] = {
    "SQLite, Dovecot's table": lambda r: SqliteStore("dovecot", r.getfixturevalue("tmp_path")),
    "PostgreSQL, Dovecot's table": lambda r: PostgresStore("dovecot", r.getfixturevalue("postgres")),
    "PostgreSQL, PostfixAdmin's table": lambda r: PostgresStore("postfixadmin", r.getfixturevalue("postgres")),
    "MariaDB, Dovecot's table": lambda r: MariaDBStore("dovecot", r.getfixturevalue("mariadb")),
    "MariaDB, PostfixAdmin's table": lambda r: MariaDBStore("postfixadmin", r.getfixturevalue("mariadb")),
    "OpenLDAP, RFC 3062": lambda r: LdapStore(r.getfixturevalue("openldap")),
    "OpenLDAP, unicodePwd": lambda r: ActiveDirectoryStore(r.getfixturevalue("openldap")),
}


@pytest.fixture(params=["BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "command", "http", *PANELS, *SERVERS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param in SERVERS:
        yield SERVERS[request.param](request)
    elif request.param in PANELS:
        with PANELS[request.param](ACCOUNTS) as fake:
            yield PanelStore(fake)
            assert not any(secret in r.target for r in fake.requests for secret in fake.passwords.values())
    elif request.param == "command":
        yield CommandStore(tmp_path)
    elif request.param == "http":
        with Receiver("shared", lambda: NOW) as receiver:
            yield HttpStore(receiver)
    else:
        yield PasswdFileStore(tmp_path, request.param)


def test_the_new_password_is_accepted_and_the_old_one_is_not(store: Store) -> None:
    password = new_password()
    store.provider.change_password("ann@example.org", password, "i-1.change_password")
    assert store.accepts("ann@example.org", password.text)
    assert not store.accepts("ann@example.org", "old")


def test_nobody_else_is_touched(store: Store) -> None:
    store.provider.change_password("ann@example.org", new_password(), "i-1.change_password")
    assert store.accepts("bob@example.org", "old")


def test_the_same_request_again_leaves_exactly_one_password(store: Store) -> None:
    first, second = new_password(), new_password()
    for password in (first, second):
        store.provider.change_password("ann@example.org", password, "i-1.change_password")
    accepted = [store.accepts("ann@example.org", password.text) for password in (first, second)]
    assert sorted(accepted) == [False, True]
    assert not store.accepts("ann@example.org", "old")


def test_another_request_sets_another_password(store: Store) -> None:
    store.provider.change_password("ann@example.org", new_password(), "i-1.change_password")
    password = new_password()
    store.provider.change_password("ann@example.org", password, "i-2.change_password")
    assert store.accepts("ann@example.org", password.text)


def test_an_unknown_account_is_refused(store: Store) -> None:
    password = new_password()
    with pytest.raises(Refused) as caught:
        store.provider.change_password("eve@example.org", password, "i-1.change_password")
    assert password.text not in str(caught.value)


def test_a_store_that_is_away_may_come_back(store: Store) -> None:
    password = new_password()
    store.go_away()
    with pytest.raises(Temporary) as caught:
        store.provider.change_password("ann@example.org", password, "i-1.change_password")
    assert password.text not in str(caught.value)
    store.come_back()
    assert store.accepts("ann@example.org", "old")
    store.provider.change_password("ann@example.org", password, "i-1.change_password")
    assert store.accepts("ann@example.org", password.text)


def test_the_word_for_the_timeline_is_harmless(store: Store) -> None:
    password = new_password()
    word = store.provider.change_password("ann@example.org", password, "i-1.change_password")
    assert word
    assert password.text not in word


def test_check_changes_nothing(store: Store) -> None:
    assert store.provider.check()
    assert store.accepts("ann@example.org", "old")
