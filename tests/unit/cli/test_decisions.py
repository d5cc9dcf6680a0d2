"""Decisions of people: what is possible, and words for what is not."""

import pytest

from detector.cli.decisions import decide, find, newest
from detector.cli.ends import Impossible
from detector.cli.office import opened
from detector.incident.incident import Event
from tests.unit.cli.conftest import Keyboard


def test_the_newest_of_all_states_come_first(keyboard: Keyboard) -> None:
    keyboard.open_incident("a1", "ann")
    keyboard.now += 10.0
    keyboard.open_incident("b1", "bob")
    with opened(keyboard.config, "olga") as office:
        decide(office, find(office, "b1"), Event.CONFIRM, "")
        assert [one.incident_id for one in newest(office, False, None, 10)] == ["b1", "a1"]
        assert [one.incident_id for one in newest(office, False, None, 1)] == ["b1"]
        assert [one.incident_id for one in newest(office, True, "ann", 10)] == ["a1"]


def test_no_id_is_no_incident(keyboard: Keyboard) -> None:
    keyboard.open_incident("a1", "ann")
    with opened(keyboard.config, "olga") as office, pytest.raises(Impossible, match="no incident"):
        find(office, "")


def test_an_incident_that_changed_meanwhile_is_told_as_it_is_now(keyboard: Keyboard) -> None:
    incident = keyboard.open_incident("a1", "ann")
    with opened(keyboard.config, "olga") as office:
        decide(office, incident, Event.DISMISS, "")
        with pytest.raises(Impossible, match="is closed"):
            decide(office, incident, Event.CONFIRM, "")
