"""By what the judge decides: thresholds, the recipient window, and what is usual for the cohort."""

from dataclasses import dataclass, field

from detector.traffic.baseline import Prior
from detector.traffic.window import WindowLimits
from detector.verdict.verdict import Group


@dataclass(frozen=True, slots=True)
class Policy:
    """Scores in nats, window in recipients, `clean_after` in seconds.

    From `hold_score` on mail is held, from `block_score` on the account is blocked. `silent_groups` have no say.

    `recipient_key` (at most 64 bytes) is the secret of all hashes in profiles: with another key, everybody is a
    stranger again.
    """

    recipient_key: bytes = field(repr=False)
    prior: Prior
    model_version: str
    policy_version: str = "1"
    block_score: float = 11.5
    hold_score: float = 6.3
    silent_groups: frozenset[Group] = frozenset()
    window_start: int = 20
    window_least: int = 5
    window_most: int = 500
    clean_after: float = 600.0

    @property
    def window(self) -> WindowLimits:
        return WindowLimits(self.window_start, self.window_least, self.window_most, self.clean_after)
