import pytest

from detector.cli.ends import Impossible
from detector.cli.held_desk import chosen, decide, listed
from detector.cli.office import opened
from detector.cli.roles import Role
from detector.records.held_entries import HeldDecision, HeldSelection, HeldState
from tests.support.held_house import a_held_message
from tests.unit.cli.conftest import Keyboard


def test_a_selection_is_completed_from_the_beginnings_of_ids(keyboard: Keyboard) -> None:
    incident = keyboard.open_incident()
    with opened(keyboard.config, "", Role.VIEWER) as office:
        office.records.put_held(a_held_message("aa11"))
        expected = HeldSelection("aa11", "ben", incident.incident_id, "f")
        assert chosen(office, "a", "ben", incident.incident_id[:3], "f") == expected
        assert chosen(office, "", "", "", "") == HeldSelection()


def test_what_has_ended_is_listed_only_when_everything_is(keyboard: Keyboard) -> None:
    with opened(keyboard.config, "", Role.VIEWER) as office:
        office.records.put_held(a_held_message("aa11"))
        office.records.put_held(a_held_message("aa22", state=HeldState.RETURNED))
        assert [one.message_id for one, _ in listed(office, HeldSelection(), False, 10)] == ["aa11"]
        assert len(listed(office, HeldSelection(), True, 10)) == 2


def test_a_decision_about_everything_is_not_taken(keyboard: Keyboard) -> None:
    with opened(keyboard.config, "", Role.OPERATOR) as office:
        office.records.put_held(a_held_message("aa11"))
        with pytest.raises(Impossible, match="say which"):
            decide(office, HeldSelection(), HeldDecision.DISCARD, "")
