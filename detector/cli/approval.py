"""Lets containments go on that wait for a person."""

from collections.abc import Callable

from detector.cli.decisions import decide, find, waiting
from detector.cli.ends import Impossible
from detector.cli.office import Office
from detector.cli.words import counted
from detector.incident.incident import Event, Incident


def approve(office: Office, words: str, note: str, agreed: Callable[[str], bool]) -> list[Incident]:
    """One incident, or all that wait when `words` is empty and the person agrees. Raises `Impossible`."""
    if words:
        return [decide(office, find(office, words), Event.APPROVE, note)]
    found = waiting(office)
    if not found:
        msg = "no containment waits for anybody"
        raise Impossible(msg)
    if not agreed(f"Change the passwords of {counted(len(found), 'account')}, and tell these customers?"):
        msg = "nothing was approved"
        raise Impossible(msg)
    return [approved for one in found if (approved := _approved(office, one, note)) is not None]


def _approved(office: Office, incident: Incident, note: str) -> Incident | None:
    try:
        return decide(office, incident, Event.APPROVE, note)
    except Impossible:  # somebody else was faster
        return None
