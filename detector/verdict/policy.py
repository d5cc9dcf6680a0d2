"""By what the judge decides: thresholds, the recipient window, and what is usual for the cohort."""

from dataclasses import dataclass, field, replace

from detector.traffic.baseline import Prior
from detector.traffic.cohort import Cohort, Priors
from detector.traffic.profile import Profile
from detector.traffic.window import WindowLimits
from detector.verdict.verdict import Group, GroupScore


@dataclass(frozen=True, slots=True)
class Policy:
    """Scores in nats, window in recipients, `clean_after` in seconds.

    From `hold_score` on mail is held, from `block_score` on the account is blocked. `silent_groups` have no say.

    `recipient_key` (at most 64 bytes) is the secret of all hashes in profiles: with another key, everybody is a
    stranger again. `assigned` is the cohort that a person assigned to the account; None: what its profile learned.
    """

    recipient_key: bytes = field(repr=False)
    priors: Priors
    model_version: str
    policy_version: str = "1"
    block_score: float = 11.5
    hold_score: float = 6.3
    silent_groups: frozenset[Group] = frozenset()
    window_start: int = 20
    window_least: int = 5
    window_most: int = 500
    clean_after: float = 600.0
    assigned: Cohort | None = None
    window: WindowLimits = field(init=False, repr=False, compare=False)
    _assigned: dict[str, "Policy"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Asked for with every transaction, so they are made once.
        made = {} if self.assigned else {cohort.value: replace(self, assigned=cohort) for cohort in Cohort}
        object.__setattr__(self, "_assigned", made)
        limits = WindowLimits(self.window_start, self.window_least, self.window_most, self.clean_after)
        object.__setattr__(self, "window", limits)

    def for_cohort(self, cohort: str) -> "Policy":
        """For an account to which a person assigned this cohort; empty: it is the learned one that counts."""
        return self._assigned.get(cohort, self)

    def prior_of(self, profile: Profile) -> Prior:
        """What is usual for accounts like this one."""
        return self.priors.of(profile.cohort) if self.assigned is None else self.priors.named(self.assigned)

    def heard(self, groups: tuple[GroupScore, ...]) -> tuple[GroupScore, ...]:
        """The groups, those that are silenced without a say."""
        silent = self.silent_groups
        if not silent:
            return groups
        return tuple([GroupScore(one.group, 0.0, ()) if one.group in silent else one for one in groups])

    @property
    def prior(self) -> Prior:
        """What is usual for an account of which nothing is known."""
        return self.prior_of(Profile())
