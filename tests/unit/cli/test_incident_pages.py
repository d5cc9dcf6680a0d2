"""Each state of an incident has words for where it stands and what comes next."""

from detector.cli.incident_pages import NEXT, STANDS
from detector.incident.incident import State


def test_each_state_has_its_words() -> None:
    assert set(NEXT) == set(STANDS) == set(State)
