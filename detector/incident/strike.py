"""Strikes: confirmed incidents that an account has to answer for."""

from collections.abc import Iterable
from dataclasses import dataclass

LIMIT = 3
WINDOW = 365 * 86_400.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A person confirmed that this incident was abuse, `at` in Unix seconds. An incident counts once."""

    account: str
    incident_id: str
    at: float


def proposes_termination(strikes: Iterable[Strike], now: float, limit: int = LIMIT, window: float = WINDOW) -> bool:
    """Whether one account's strikes of the last `window` seconds are enough to ask a person to end the service.

    It is a proposal: the program never ends a service.

    >>> strikes = [Strike("ann", "i1", 100.0), Strike("ann", "i2", 200.0)]
    >>> proposes_termination(strikes, now=250.0, limit=2, window=1000.0)
    True
    >>> proposes_termination(strikes, now=250.0, limit=2, window=100.0)
    False
    """
    return len({strike.incident_id for strike in strikes if now - window < strike.at <= now}) >= limit
