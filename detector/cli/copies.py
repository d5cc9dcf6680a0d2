"""A copy of all that is recorded about an account, and what remains after it was forgotten."""

import math
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from detector.cli.decisions import find
from detector.cli.dossier import Traffic, collect, never_seen
from detector.cli.ends import Impossible
from detector.cli.office import Office
from detector.cli.page import Page
from detector.config.database import is_shared
from detector.host import held_by_a_server
from detector.ports import Refused, Temporary
from detector.state.stored import StoredProfiles
from detector.traffic.profile import known_before

PATIENCE = 5.0
"""Seconds beyond `state.write_every` that a server may take to erase a profile: it looks once a second."""
LOOK_EVERY = 0.1

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
    """How much of each kind was erased, and how much is left. `profile` says what became of what was learned."""

    account: str
    erased: dict[str, int]
    left: dict[str, int]
    profile: str
    complete: bool


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
    with suppress(Temporary):  # profiles are out of reach: the server erases this one when they are back
        copy_of(office, account)
    now = office.clock()
    closed_before = math.inf if incidents else now - office.config.records.keep_incidents
    counts_since = now - office.config.response.strikes.fade_after
    erased = office.records.forget(account, (office.actor, now, reason), closed_before, counts_since)
    profile, complete = erased_by_server(office, account, now)
    return Forgotten(account, erased, office.records.left_of(account), profile, complete)


def erased_by_server(office: Office, account: str, ordered_at: float) -> tuple[str, bool]:
    """What became of what was learned of its mail, and whether it is gone. Waits for a running server, not for long."""
    learned, state = f"What was learned of the mail of {account}", office.config.state
    elsewhere = " Other servers of the same records erase theirs within seconds, or when they start."
    erased = f"{learned} is erased.{elsewhere if is_shared(office.config.records_url) and not state.url else ''}"
    later = "without being asked again."
    profiles = office.profiles
    try:
        if not _stored(profiles, account, ordered_at):
            return erased, True
        if not state.url and not held_by_a_server(state.directory):
            return f"{learned} is not erased yet: the server does it when it starts, {later}", False
        for _ in range(int((PATIENCE + state.write_every) / LOOK_EVERY)):
            time.sleep(LOOK_EVERY)
            if not _stored(profiles, account, ordered_at):
                return erased, True
    except Temporary as error:  # each look may take long
        return f"{learned} is erased by the server as soon as it can, {later} Not to be seen now: {error}", False
    return (
        f"{learned} is NOT erased yet: no server gets to it (does one run?), or its disk is full (its log and "
        f"detector_state_degraded tell). It erases it as soon as it can, {later}"
    ), False


def _stored(profiles: StoredProfiles, account: str, ordered_at: float) -> bool:
    """Whether the profile is still there, or is damaged. Raises `Temporary`."""
    try:
        profile = profiles.read(account)
    except Refused:
        return True
    return profile is not None and known_before(profile, ordered_at)


def show_forgotten(forgotten: Forgotten, incidents: bool) -> None:
    page = Page()
    page.line(forgotten.profile)
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
