"""A copy is complete and can be read by programs; it is made of what stands in the records at one moment."""

import msgspec
import pytest

from detector.cli.copies import copy_of, forget_in, incident_of
from detector.cli.ends import Impossible
from detector.cli.office import opened
from tests.unit.cli.conftest import ANN, Keyboard


def test_a_copy_can_be_read_by_programs_whatever_the_login_is(keyboard: Keyboard) -> None:
    strange = "EXAMPLE\\bob\udcff"
    keyboard.open_incident("1", strange)
    with opened(keyboard.config, "olga") as office:
        copy = copy_of(office, strange)
    assert copy.profile is None
    assert msgspec.to_builtins(copy)["records"]["incidents"][0]["account"] == strange
    assert {"held", "audit", "timeline"} <= copy.records.keys()


def test_an_incident_is_found_by_the_beginning_of_its_id_if_it_is_of_the_account(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    with opened(keyboard.config, "olga") as office:
        assert incident_of(office, ANN, "3f") == "3f2a9c01d4e5f607"
        with pytest.raises(Impossible, match="is not one of bob"):
            incident_of(office, "bob", "3f")


def test_closed_incidents_stay_for_their_time_unless_they_are_asked_for(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    keyboard.type("incidents", "dismiss", "3f")
    with opened(keyboard.config, "olga") as office:
        while todo := office.records.errands(1):
            office.records.errand_done(todo[0].number)
        assert forget_in(office, ANN, "asked", incidents=False).left["incidents"] == 1
        assert forget_in(office, ANN, "asked", incidents=True).left == {}
