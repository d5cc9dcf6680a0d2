"""What everything keeps that ends sessions: those of one account end, others go on, and nobody there is no failure.

Dovecot's program and its HTTP API are asked by tests/e2e, because a real Dovecot takes seconds to start.
"""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.config import CommandAction
from detector.ports import SessionEnder, Temporary
from detector.response.command import Command, CommandSessions
from detector.response.several import SessionEnders
from tests.support.fake_keycloak import FakeKeycloak
from tests.support.fake_wildduck import FakeWildduck
from tests.support.response import NOW

ANN, BOB = "ann@example.org", "bob@example.org"


class Place(ABC):
    """Two accounts that are logged in, and what ends their sessions."""

    ender: SessionEnder

    @abstractmethod
    def logged_in(self) -> set[str]: ...

    @abstractmethod
    def go_away(self) -> None: ...

    @abstractmethod
    def come_back(self) -> None: ...


class PanelPlace(Place):
    def __init__(self, fake: FakeKeycloak | FakeWildduck) -> None:
        self.fake = fake
        self.ender = fake.provider()

    def logged_in(self) -> set[str]:
        return self.fake.sessions

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
json.dump([account for account in json.load(open(path)) if account != request["account"]], open(path + ".new", "w"))
os.rename(path + ".new", path)
"""


class CommandPlace(Place):
    def __init__(self, directory: Path) -> None:
        self.path = directory / "sessions.json"
        self.path.write_text(json.dumps([ANN, BOB]))
        argv = (sys.executable, "-c", PROGRAM, str(self.path))
        self.ender = CommandSessions(Command(CommandAction(provider="command", argv=argv)), lambda: NOW)

    def logged_in(self) -> set[str]:
        return set(json.loads(self.path.read_text()))

    def go_away(self) -> None:
        self.path.rename(self.path.with_name("away"))

    def come_back(self) -> None:
        self.path.with_name("away").rename(self.path)


class SeveralPlaces(Place):
    """Somebody is logged in where any of them is."""

    def __init__(self, places: list[Place]) -> None:
        self.places = places
        self.ender = SessionEnders([place.ender for place in places])

    def logged_in(self) -> set[str]:
        return set.union(*(place.logged_in() for place in self.places))

    def go_away(self) -> None:
        self.places[-1].go_away()

    def come_back(self) -> None:
        self.places[-1].come_back()


@pytest.fixture(params=["command", "keycloak", "several", "wildduck"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "command":
        yield CommandPlace(tmp_path)
        return
    with FakeKeycloak((ANN, BOB)) as keycloak, FakeWildduck((ANN, BOB)) as wildduck:
        places: dict[str, Place] = {"keycloak": PanelPlace(keycloak), "wildduck": PanelPlace(wildduck)}
        yield places.get(request.param) or SeveralPlaces([*places.values(), CommandPlace(tmp_path)])


def test_the_sessions_of_one_account_end_and_others_go_on(place: Place) -> None:
    assert place.ender.end_sessions(ANN, "i-1.end_sessions")
    assert place.logged_in() == {BOB}


def test_again_is_no_failure(place: Place) -> None:
    for _ in range(2):
        assert place.ender.end_sessions(ANN, "i-1.end_sessions")
    assert place.logged_in() == {BOB}


def test_a_place_that_is_away_may_come_back(place: Place) -> None:
    place.go_away()
    with pytest.raises(Temporary):
        place.ender.end_sessions(ANN, "i-1.end_sessions")
    place.come_back()
    place.ender.end_sessions(ANN, "i-1.end_sessions")
    assert place.logged_in() == {BOB}


def test_check_ends_nothing(place: Place) -> None:
    assert place.ender.check()
    assert place.logged_in() == {ANN, BOB}
