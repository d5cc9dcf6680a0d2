"""What everything keeps that revokes app passwords: those of one account are gone, and nobody else's."""

import json
import sqlite3
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from detector.config import CommandAction, HttpAction, SecretSource, SqlAppPasswords
from detector.ports import AppPasswordRevoker, Secret, Temporary
from detector.response.command import Command
from detector.response.http import Endpoint
from detector.response.own_ways import CommandWay, HttpWay, OwnAppPasswords
from detector.response.sql_password import SqlAppPasswordRevoker
from tests.support.fake_mailcow import FakeMailcow
from tests.support.fake_wildduck import FakeWildduck
from tests.support.http_receiver import Receiver
from tests.support.response import NOW

ANN, BOB = "ann@example.org", "bob@example.org"


class Store(ABC):
    """Two accounts, ann with two app passwords and bob with one, and what revokes them."""

    revoker: AppPasswordRevoker

    @abstractmethod
    def owners(self) -> list[str]:
        """The account of each app password, sorted."""

    @abstractmethod
    def go_away(self) -> None: ...

    @abstractmethod
    def come_back(self) -> None: ...


class MailcowStore(Store):
    def __init__(self, fake: FakeMailcow) -> None:
        self.fake = fake
        fake.app_passwords = {1: ANN, 2: BOB, 3: ANN}
        self.revoker = fake.provider()

    def owners(self) -> list[str]:
        return sorted(self.fake.app_passwords.values())

    def go_away(self) -> None:
        self.fake.instead = [(503, None)]

    def come_back(self) -> None:
        self.fake.instead = []


class WildduckStore(Store):
    def __init__(self, fake: FakeWildduck) -> None:
        self.fake = fake
        fake.app_passwords = {"a" * 24: ANN, "b" * 24: BOB, "c" * 24: ANN}
        self.revoker = fake.provider()

    def owners(self) -> list[str]:
        return sorted(self.fake.app_passwords.values())

    def go_away(self) -> None:
        self.fake.instead = [(503, None)]

    def come_back(self) -> None:
        self.fake.instead = []


PROGRAM = """
import json, os, sys
path = sys.argv[1]
if not os.path.exists(path):
    sys.exit(75)
request = json.load(sys.stdin)
if request["action"] != "revoke_app_passwords":
    sys.exit("what is " + request["action"] + "?")
json.dump([owner for owner in json.load(open(path)) if owner != request["account"]], open(path + ".new", "w"))
os.rename(path + ".new", path)
"""


class CommandStore(Store):
    def __init__(self, directory: Path) -> None:
        self.path = directory / "owners.json"
        self.path.write_text(json.dumps([ANN, ANN, BOB]))
        argv = (sys.executable, "-c", PROGRAM, str(self.path))
        way = CommandWay(Command(CommandAction(provider="command", argv=argv)), lambda: NOW)
        self.revoker = OwnAppPasswords(way)

    def owners(self) -> list[str]:
        return sorted(json.loads(self.path.read_text()))

    def go_away(self) -> None:
        self.path.rename(self.path.with_name("away"))

    def come_back(self) -> None:
        self.path.with_name("away").rename(self.path)


class HttpStore(Store):
    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.kept = [ANN, ANN, BOB]
        receiver.carry_out = self.carry_out
        url, source = f"http://localhost:{receiver.port}/hook", SecretSource(environment="UNUSED")
        endpoint = Endpoint(HttpAction(provider="http", url=url, secret=source), Secret("shared"), lambda: NOW)
        self.revoker = OwnAppPasswords(HttpWay(endpoint, lambda: NOW))

    def carry_out(self, document: dict[str, Any]) -> int:
        self.kept = [owner for owner in self.kept if owner != document["account"]]
        return 204

    def owners(self) -> list[str]:
        return sorted(self.kept)

    def go_away(self) -> None:
        self.receiver.statuses = [503]

    def come_back(self) -> None:
        self.receiver.statuses = []


class SqlStore(Store):
    def __init__(self, directory: Path) -> None:
        self.path = directory / "mail.sqlite"
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("CREATE TABLE app_passwords (login TEXT, hash TEXT)")
            connection.executemany("INSERT INTO app_passwords VALUES (?, 'x')", [(ANN,), (ANN,), (BOB,)])
        revoke = "DELETE FROM app_passwords WHERE login = :account"
        settings = SqlAppPasswords(provider="sql", url=f"sqlite:///{self.path}", revoke=revoke)
        self.revoker = SqlAppPasswordRevoker(settings, None)

    def owners(self) -> list[str]:
        with closing(sqlite3.connect(self.path)) as connection:
            return sorted(login for (login,) in connection.execute("SELECT login FROM app_passwords"))

    def go_away(self) -> None:
        self.path.rename(self.path.with_name("away"))

    def come_back(self) -> None:
        self.path.with_name("away").rename(self.path)


@pytest.fixture(params=["command", "http", "mailcow", "sql", "wildduck"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "mailcow":
        with FakeMailcow((ANN, BOB)) as mailcow:
            yield MailcowStore(mailcow)
    elif request.param == "wildduck":
        with FakeWildduck((ANN, BOB)) as wildduck:
            yield WildduckStore(wildduck)
    elif request.param == "http":
        with Receiver("shared", lambda: NOW) as receiver:
            yield HttpStore(receiver)
    else:
        yield {"command": CommandStore, "sql": SqlStore}[request.param](tmp_path)


def test_those_of_one_account_are_gone_and_nobody_elses(store: Store) -> None:
    assert store.revoker.revoke_app_passwords(ANN, "i-1.revoke_app_passwords")
    assert store.owners() == [BOB]


def test_again_is_no_failure(store: Store) -> None:
    for _ in range(2):
        assert store.revoker.revoke_app_passwords(ANN, "i-1.revoke_app_passwords")
    assert store.revoker.revoke_app_passwords(ANN, "i-2.revoke_app_passwords")
    assert store.owners() == [BOB]


def test_a_store_that_is_away_may_come_back(store: Store) -> None:
    store.go_away()
    with pytest.raises(Temporary):
        store.revoker.revoke_app_passwords(ANN, "i-1.revoke_app_passwords")
    store.come_back()
    assert store.owners() == [ANN, ANN, BOB]
    store.revoker.revoke_app_passwords(ANN, "i-1.revoke_app_passwords")
    assert store.owners() == [BOB]


def test_check_changes_nothing(store: Store) -> None:
    assert store.revoker.check()
    assert store.owners() == [ANN, ANN, BOB]
