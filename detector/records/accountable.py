"""Records of what people did, and what customers may ask for: the audit log, access, correction, erasure, retention."""

from typing import Any

from detector.records import audit, privacy, retention
from detector.records import census as counting
from detector.records.census import Census
from detector.records.database import Database
from detector.records.entries import AuditEntry, AuditHead, Erasure, TimelineEntry
from detector.records.retention import Retention

CALIBRATED = ("look at accounts", "to calibrate")
"""Action and subject in the audit log by which `detector calibrate --live` is known."""


class Accountable(Database):
    """A part of `Records`."""

    # -- the audit log --

    def audit(self, actor: str, action: str, subject: str, now: float, detail: str = "") -> None:
        with self._write("audit") as connection:
            audit.append(connection, now, (actor, action, subject, detail))

    def audit_log(self, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""
        with self._read("audit_log") as connection:
            return audit.newest(connection, limit)

    def audit_head(self) -> AuditHead:
        """Where the log ends now; kept elsewhere, it tells later whether the log was forged or cut."""
        with self._read("audit_head") as connection:
            return audit.head(connection)

    def verify_audit(self, expected: AuditHead | None = None) -> int:
        """The number of the last entry. Raises `AuditBroken`, which names the first that does not fit.

        `expected` was the head once.
        """
        with self._read("verify_audit") as connection:
            return audit.verify(connection, expected)

    def last_audited(self, action: str, subject: str) -> float | None:
        """When (Unix seconds) somebody last did this; None: never, or too long ago."""
        with self._read("last_audited") as connection:
            return counting.last_audited(connection, action, subject)

    def census(self) -> Census:
        """How much is recorded."""
        with self._read("census") as connection:
            return counting.census(connection)

    # -- what customers may ask for --

    def all_about(self, account: str) -> dict[str, list[dict[str, Any]]]:
        """Every row about the account, by table."""
        with self._read("all_about") as connection:
            return privacy.all_about(connection, account)

    def withdraw_strike(self, incident_id: str, actor: str, now: float, reason: str) -> bool:
        """Whether the incident had a strike. Raises `UnknownIncident`."""
        with self._write("withdraw_strike") as connection:
            told = TimelineEntry(now, actor, privacy.WITHDRAWN, reason)
            return privacy.withdraw_strike(connection, incident_id, told)

    def correct(self, incident_id: str, actor: str, now: float, text: str) -> None:
        """Put a correction into the incident's story. Raises `UnknownIncident`."""
        with self._write("correct") as connection:
            privacy.correct(connection, incident_id, TimelineEntry(now, actor, privacy.CORRECTED, text))

    def reset_profile(self, account: str, actor: str, now: float, reason: str) -> None:
        """What was learned about the account is erased: by a running server at once, by others when they start."""
        with self._write("reset_profile") as connection:
            privacy.erase_profile(connection, account, now)
            audit.append(connection, now, (actor, "reset profile", account, reason))

    def forget(
        self, account: str, why: tuple[str, float, str], closed_before: float, strikes_since: float
    ) -> dict[str, int]:
        """Erase what no duty keeps; how much of each kind. `why`: actor, now, reason; the audit log keeps them.

        Of closed incidents those of before `closed_before`, unless their strike is of after `strikes_since`.
        """
        actor, now, reason = why
        with self._write("forget") as connection:
            removed = privacy.forget(connection, account, now, closed_before, strikes_since)
            told = (
                ", ".join(f"{kind} ({count})" for kind, count in removed.items() if count) or "nothing but the profile"
            )
            audit.append(connection, now, (actor, "forget", account, f"{told}: {reason}"))
        self._empty_journal("forget")
        return removed

    def left_of(self, account: str) -> dict[str, int]:
        """How many rows are about the account, by table, beside the audit log."""
        with self._read("left_of") as connection:
            return privacy.left(connection, account)

    def erasures_since(self, sequence: int) -> list[Erasure]:
        """Those with a higher sequence, oldest first; 0 for all."""
        with self._read("erasures_since") as connection:
            return privacy.erasures_since(connection, sequence)

    # -- how long --

    def enforce_retention(self, kept: Retention, now: float) -> dict[str, int]:
        """Remove some of what is too old; how much of each kind. Empty when nothing is left to remove."""
        with self._write("enforce_retention") as connection:
            removed = retention.enforce(connection, kept, now)
        if kept.audit:
            # By itself: the database may forbid us to remove from the log, and everything else goes all the same.
            with self._write("cut_audit") as connection:
                removed |= retention.cut_audit(connection, kept, now)
        return removed
