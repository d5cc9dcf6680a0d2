"""The records: incidents, strikes, exemptions, suspicious verdicts and the audit log, durable when a method returns."""

from collections.abc import Collection
from datetime import UTC, datetime

from detector.incident.incident import Event, Incident, State, Step
from detector.incident.strike import Strike
from detector.mail.transaction import Transaction
from detector.records import audit, incidents, standing
from detector.records.accountable import Accountable
from detector.records.carrying_out import CarryingOut
from detector.records.entries import (
    AuditBroken,
    AuditEntry,
    Exemption,
    Forgiveness,
    Standing,
    TimelineEntry,
    UnknownIncident,
    VerdictNote,
)
from detector.records.held_mail import HeldMail
from detector.records.returning import WayBack
from detector.records.telling import Telling
from detector.traffic.cohort import Cohort
from detector.verdict.verdict import Verdict

__all__ = [
    "AuditBroken",
    "AuditEntry",
    "Exemption",
    "Forgiveness",
    "Records",
    "Standing",
    "TimelineEntry",
    "UnknownIncident",
    "VerdictNote",
]


class Records(WayBack, HeldMail, CarryingOut, Telling, Accountable):
    """Incidents and all that is decided about them, in one SQL database that several processes may share.

    Every method is one transaction, blocks (call it in a thread) and may be called from any thread. All raise
    `Temporary` when the database does not do it. The constructor also raises `ConfigError`: wrong URL, damaged
    database, or one of a newer program. `now` is in Unix seconds; `actor` names a person, or `detector`.
    """

    # -- incidents --

    def open_incident(self, incident: Incident) -> Incident:
        """Block the account. If it has an incident that is not closed, nothing changes and that one is returned."""
        with self._write("open_incident") as connection:
            return incidents.open_incident(connection, incident)

    def incident(self, incident_id: str) -> Incident:
        """Raises `UnknownIncident`, as do all methods that are given an id."""
        with self._read("incident") as connection:
            return incidents.get(connection, incident_id)

    def incidents(self, state: State | None = None, account: str | None = None, limit: int = 100) -> list[Incident]:
        """Newest first."""
        with self._read("incidents") as connection:
            return incidents.newest(connection, state, account, limit)

    def incidents_like(self, prefix: str, limit: int) -> list[Incident]:
        """Those whose id begins so, newest first."""
        with self._read("incidents_like") as connection:
            return incidents.like(connection, prefix, limit)

    def apply(
        self, incident_id: str, event: Event, now: float, actor: str, detail: str = ""
    ) -> tuple[Incident, tuple[Step, ...]]:
        """Advance the incident; its strike, block, timeline and audit entry go with it.

        COUNT_STRIKE, WITHDRAW_STRIKE and LIFT_BLOCK are done when this returns, the other steps are the caller's.
        Raises `IllegalTransition`; then nothing has changed.
        """
        with self._write("apply") as connection:
            told = TimelineEntry(now, actor, event.value, detail)
            return incidents.apply(connection, incident_id, event, told)

    def timeline(self, incident_id: str) -> list[TimelineEntry]:
        """Oldest first."""
        with self._read("timeline") as connection:
            return incidents.story(connection, incident_id)

    def strikes(self, account: str, since: float = 0.0) -> list[Strike]:
        """Oldest first."""
        with self._read("strikes") as connection:
            return incidents.strikes_of(connection, account, since)

    def claim_password_change(self, incident_id: str, now: float, limit: int) -> bool:
        """The circuit breaker: whether this incident is among the `limit` of the last hour. Once yes, always yes."""
        with self._write("claim_password_change") as connection:
            return incidents.claim_password_change(connection, incident_id, now, limit)

    def password_changes_since(self, then: float) -> int:
        with self._read("password_changes_since") as connection:
            return incidents.password_changes_since(connection, then)

    # -- what the relay must know --

    def standing(self) -> Standing:
        with self._read("standing") as connection:
            return standing.standing(connection)

    def forgiven_since(self, sequence: int) -> list[Forgiveness]:
        """Those with a higher sequence, oldest first; 0 for all."""
        with self._read("forgiven_since") as connection:
            return standing.forgiven_since(connection, sequence)

    def exempt(self, exemption: Exemption, now: float) -> None:
        """Replaces an earlier exemption of the account. It does not lift a block."""
        until = exemption.until
        term = "until revoked" if until is None else f"until {datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M:%S} UTC"
        terms = ", ".join(filter(None, (term, str(exemption.declaration))))
        with self._write("exempt") as connection:
            standing.exempt(connection, exemption)
            audit.append(
                connection, now, (exemption.actor, "exempt", exemption.account, f"{terms}: {exemption.reason}")
            )

    def unexempt(self, account: str, actor: str, now: float, reason: str = "") -> bool:
        """Whether there was an exemption."""
        with self._write("unexempt") as connection:
            found = standing.unexempt(connection, account)
            detail = ": ".join(filter(None, ("" if found else "was not exempt", reason)))
            audit.append(connection, now, (actor, "unexempt", account, detail))
            return found

    def assign_cohort(self, account: str, cohort: Cohort | None, actor: str, now: float) -> None:
        """None: the account's cohort is learned again."""
        with self._write("assign_cohort") as connection:
            standing.assign_cohort(connection, account, cohort)
            audit.append(connection, now, (actor, "cohort", account, cohort or "learned"))

    # -- suspicious verdicts --

    def note_verdicts(self, notes: Collection[tuple[Transaction, Verdict]], now: float) -> None:
        """Keep suspicious verdicts with their reasons. Recipients are counted, their addresses are not kept."""
        with self._write("note_verdicts") as connection:
            standing.note_verdicts(connection, notes, now)

    def verdicts(self, account: str, limit: int = 100) -> list[VerdictNote]:
        """Newest first."""
        with self._read("verdicts") as connection:
            return standing.verdicts_of(connection, account, limit)
