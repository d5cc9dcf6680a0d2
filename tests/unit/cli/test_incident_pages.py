"""Each state of an incident has words for where it stands and what comes next."""

from detector.cli.incident_pages import NEXT, STANDS
from detector.incident.incident import State


def test_each_state_has_its_words() -> None:
    assert set(NEXT) == set(STANDS) == set(State)


def test_who_is_asked_hears_of_every_way_to_decide() -> None:
    told = "\n".join(NEXT[State.PENDING])
    assert all(f"detector incidents {decision} {{id}}" in told for decision in ("approve", "confirm", "dismiss"))
