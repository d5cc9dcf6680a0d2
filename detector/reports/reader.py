"""What a message says about mail that we let through. The one door to this room: `read`."""

from detector.reports import automatic, complaints, free_form
from detector.reports.delivery_status import notification
from detector.reports.parts import Pieces, pieces_of
from detector.reports.values import NotAReport, Report


def read(octets: bytes) -> Report:
    """Whatever the octets are, nothing is raised, and time and memory are bounded."""
    pieces = pieces_of(octets)
    return (
        complaints.feedback(pieces)
        or complaints.authentication(pieces)
        or automatic.receipt(pieces)
        or _bounce(pieces)
        or (None if free_form.from_daemon(pieces) else automatic.auto_reply(pieces) or complaints.forwarded(pieces))
        or NotAReport("nobody can tell whom it is about" if free_form.from_daemon(pieces) else "other mail")
    )


def _bounce(pieces: Pieces) -> Report | None:
    status = pieces.receipt if automatic.is_refusal(pieces) else pieces.status
    if status is not None:
        found = notification(pieces, status)
        if found is not None:
            return found if found.recipients else NotAReport("delivered")
    elif pieces.wrapped:  # some gateways put a report into one of their own; never deeper
        inner = pieces_of(pieces.wrapped)
        found = notification(inner, inner.status or "")
        if found is not None and found.recipients:
            return found
    return free_form.bounce(pieces)
