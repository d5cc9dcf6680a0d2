"""A copy of all that is recorded about an account, and what remains after it was forgotten."""

import math
from dataclasses import dataclass
from typing import Any

from detector.cli.decisions import find
from detector.cli.dossier import Traffic, collect, never_seen
from detector.cli.ends import Impossible
from detector.cli.office import Office
from detector.cli.page import Page

NAMES = {
    "verdicts": "notes on suspicious mail",
    "cohorts": "assigned cohorts",
    "forgiveness": "lifted blocks",
    "held": "held messages",
    "timeline": "lines of their stories",
    "password_changes": "changes of the password",
    "self_releases": "one-time codes",
    "terminations": "decisions about the end of the service",
    "errands": "steps that are still to be done",
}
"""Tables whose names are no words for people."""


@dataclass(frozen=True, slots=True)
class Copy:
    """`profile` is what was learned of the account's mail, None where none was seen; `records` are rows by table."""

    account: str
    exported_at: float
    standing: str
    profile: Traffic | None
    records: dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much of each kind was erased, and how much is left."""

    account: str
    erased: dict[str, int]
    left: dict[str, int]


def copy_of(office: Office, account: str) -> Copy:
    """Raises `Impossible` for an account that nobody knows."""
    dossier = collect(office, account, verdicts=1)
    records = office.records.all_about(account)
    if dossier.nothing_known and not any(records.values()):
        raise Impossible(never_seen(office, account))
    return Copy(account, office.clock(), dossier.standing, dossier.traffic, records)


def incident_of(office: Office, account: str, words: str) -> str:
    """The id of the account's incident that begins so. Raises `Impossible`."""
    found = find(office, words)
    if found.account != account:
        msg = f"incident {found.incident_id} is not one of {account}"
        raise Impossible(msg)
    return found.incident_id


def forget_in(office: Office, account: str, reason: str, incidents: bool) -> Forgotten:
    """`incidents`: all closed ones, whatever their age. Raises `Impossible` for an account that nobody knows."""
    copy_of(office, account)
    now = office.clock()
    closed_before = math.inf if incidents else now - office.config.records.keep_incidents
    counts_since = now - office.config.response.strikes.fade_after
    erased = office.records.forget(account, (office.actor, now, reason), closed_before, counts_since)
    return Forgotten(account, erased, office.records.left_of(account))


def show_forgotten(forgotten: Forgotten, incidents: bool) -> None:
    page = Page()
    page.line(
        f"What was learned of the mail of {forgotten.account} is erased: by a running server within about a second."
    )
    erased = [f"{NAMES.get(kind, kind)} ({count})" for kind, count in forgotten.erased.items() if count]
    page.line(f"Erased: {', '.join(erased) or 'nothing else was recorded'}.")
    left = [f"{NAMES.get(kind, kind)} ({count})" for kind, count in forgotten.left.items()]
    if left:
        sooner = "" if incidents else "Closed incidents are kept for a time; --incidents erases them now. "
        page.line(
            f"Left, because it is needed: {', '.join(left)}. {sooner}An incident stays while it is not closed, its "
            "strike counts, or its held mail is there; held mail stays until it is decided about and its file is "
            "erased (that of a discarded message after hold.keep_discarded). Then forget again."
        )
    page.line("The audit log keeps who was looked at and decided about, and this erasure. Backups still have it all.")
