"""Whether a password may be changed without asking a person: only so many an hour, and only for a trusted identity."""

from enum import StrEnum

from detector import log
from detector.incident.incident import Event, IllegalTransition, Incident, State
from detector.response.patience import Patience
from detector.response.plan import CHANGE_PASSWORD
from detector.response.told import is_dismissed
from detector.response.tools import Tools

HOUR = 3600.0


class Permission(StrEnum):
    """What the workflow does next."""

    GO = "go"
    ASK = "ask"  # a person, because the sender may be somebody else
    BREAKER = "breaker"  # a person, because of too many changes; operators are told of all of them together
    OVER = "over"  # dismissed in the meantime; who confirmed and released wants the password changed


class Permissions:
    """Asked once for each run of a containment."""

    def __init__(self, tools: Tools, patience: Patience) -> None:
        self._tools = tools
        self._patience = patience

    def ask(self, incident_id: str) -> Permission:
        """A person's approval or confirmation is permission enough; what the program approves asks the breaker."""
        while True:
            incident = self._patience.insist(lambda: self._tools.records.incident(incident_id), "incident")
            match incident.state:
                case State.CLOSED:
                    timeline = self._patience.insist(lambda: self._tools.records.timeline(incident_id), "timeline")
                    return Permission.OVER if is_dismissed(incident, timeline) else Permission.GO
                case State.PENDING:
                    return Permission.BREAKER if incident.trusted else Permission.ASK
                case State.CONFIRMED | State.CONTAINED:
                    return Permission.GO
            reason = self._reason_to_ask(incident)
            if not reason:
                return Permission.GO
            # A person may decide at the same moment: then the transition is refused, and we look again.
            if self.advance(incident_id, Event.APPROVAL_NEEDED, reason):
                return Permission.BREAKER if incident.trusted else Permission.ASK

    def advance(self, incident_id: str, event: Event, detail: str = "") -> bool:
        """Whether the event happened now; False when somebody else, or we before a crash, were first."""
        try:
            incident, _ = self._patience.insist(
                lambda: self._tools.records.apply(incident_id, event, self._tools.clock(), "detector", detail),
                "apply",
            )
        except IllegalTransition:
            return False
        log.incident_changed(incident_id, incident.account, incident.state.value, event.value)
        return True

    def closed(self, incident_id: str) -> bool:
        incident = self._patience.insist(lambda: self._tools.records.incident(incident_id), "incident")
        return incident.state is State.CLOSED

    def proposes_termination(self, incident_id: str) -> bool:
        """Whether the strikes of the account are enough to ask a person to end its service."""
        records, now = self._tools.records, self._tools.clock()
        account = self._patience.insist(lambda: records.incident(incident_id), "incident").account
        strikes = self._patience.insist(lambda: records.strikes(account), "strikes")
        decided = self._patience.insist(lambda: records.termination(account), "termination")
        decided_at = 0.0 if decided is None else decided.at
        return self._tools.settings.strikes.rule.proposes_termination(strikes, now, decided_at)

    def open_breaker(self) -> None:
        """What it has stopped is told to operators together (`Watch`), not one by one."""
        records, limit = self._tools.records, self._tools.settings.password_changes_per_hour
        now = self._tools.clock()
        opened = self._patience.insist(lambda: records.open_breaker(now, _too_many(limit)), "open_breaker")
        if opened:
            log.breaker_open(limit)

    def _reason_to_ask(self, incident: Incident) -> str:
        records, incident_id = self._tools.records, incident.incident_id
        if self._patience.insist(lambda: records.approved_by_a_person(incident_id), "approved_by_a_person"):
            return ""
        if not incident.trusted:
            return "the identity of the sender is not trusted"
        settings = self._tools.settings
        if self._tools.providers.password is None or CHANGE_PASSWORD.step in settings.dry_run.steps:
            return ""
        limit, now = settings.password_changes_per_hour, self._tools.clock()
        claimed = self._patience.insist(
            lambda: records.claim_password_change(incident_id, now, limit), "claim_password_change"
        )
        return "" if claimed else _too_many(limit)


def _too_many(limit: int) -> str:
    return f"{limit} password{' was' if limit == 1 else 's were'} changed within an hour"
