"""Strikes: confirmed incidents that an account has to answer for."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Strike:
    """A person confirmed that this incident was abuse, `at` in Unix seconds. An incident counts once."""

    account: str
    incident_id: str
    at: float


@dataclass(frozen=True, slots=True)
class StrikeRule:
    """So many strikes propose to end the service; a strike older than `fade_after` (seconds) counts no more."""

    limit: int = 3
    fade_after: float = 365 * 86_400.0

    def counting(self, strikes: Iterable[Strike], now: float) -> list[Strike]:
        """Those that count now, each incident once, oldest first."""
        by_incident = {strike.incident_id: strike for strike in strikes if now - self.fade_after < strike.at <= now}
        return sorted(by_incident.values(), key=lambda strike: strike.at)

    def proposes_termination(self, strikes: Iterable[Strike], now: float, decided_at: float = 0.0) -> bool:
        """Whether one account's strikes are enough to ask a person to end the service.

        It is a proposal: the program never ends a service. Who has decided at `decided_at` is asked again by the next
        strike only.

        >>> strikes = [Strike("ann", "i1", 100.0), Strike("ann", "i2", 200.0)]
        >>> rule = StrikeRule(limit=2, fade_after=1000.0)
        >>> rule.proposes_termination(strikes, now=250.0), rule.proposes_termination(strikes, now=1150.0)
        (True, False)
        >>> rule.proposes_termination(strikes, now=250.0, decided_at=210.0)
        False
        """
        counting = self.counting(strikes, now)
        return len(counting) >= self.limit and counting[-1].at > decided_at
