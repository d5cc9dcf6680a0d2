"""What incidents and people decided about accounts, as this process knows it: blocks, exemptions, cohorts."""

from dataclasses import replace

from detector.records.entries import Exemption, Standing
from detector.traffic.profile import Profile
from detector.verdict.declaration import within


class Book:
    """Asked for every transaction, so it is in memory; replaced whenever any process has changed the records."""

    def __init__(self) -> None:
        self._standing = Standing(blocks={}, exemptions={})
        self._unsaved: dict[str, str] = {}
        self._hearsay: dict[str, float] = {}

    def blocked(self, account: str) -> bool:
        return account in self._standing.blocks or account in self._unsaved or account in self._hearsay

    def exempt(self, account: str, now: float) -> bool:
        return self.exemption(account, now) is not None

    def exemption(self, account: str, now: float) -> Exemption | None:
        """The one that holds now. If it has ceilings, it counts only while the account is within its declaration.

        One with ceilings does not hold while the account is blocked: who was above his declaration and is taken for a
        thief would otherwise send on as soon as the counters have forgotten enough.
        """
        exemption = self._standing.exemptions.get(account)
        if exemption is None or not exemption.holds(now) or (exemption.declaration and self.blocked(account)):
            return None
        return exemption

    def lets_through(self, account: str, profile: Profile, now: float) -> bool:
        """Whether a person exempted the account, and it keeps to what was declared for it.

        The profile counts the mail in question already, as far as it is known.
        """
        exemption = self.exemption(account, now)
        return exemption is not None and within(profile, exemption.declaration, now)

    def cohort(self, account: str) -> str:
        """What a person assigned, a word of `Cohort`; empty where nobody did."""
        return self._standing.cohorts.get(account, "")

    def block(self, account: str, incident_id: str) -> None:
        """Blocked from now on, though the records do not know it yet."""
        self._unsaved[account] = incident_id

    def saved(self, account: str, incident_id: str) -> None:
        """The records know this block now: from here on a release that they know counts."""
        self._unsaved.pop(account, None)
        self._standing = replace(self._standing, blocks={**self._standing.blocks, account: incident_id})

    def hear(self, account: str, now: float) -> None:
        """Another process says that it has blocked the account; the records will tell, too."""
        if not self.blocked(account):
            self._hearsay[account] = now

    def forget_hearsay(self, now: float, unconfirmed: float) -> None:
        """What the records have not confirmed for so many seconds is no block."""
        # A clock that was put back must not keep it for hours.
        heard = {account: min(at, now) for account, at in self._hearsay.items()}
        self._hearsay = {account: at for account, at in heard.items() if now - at <= unconfirmed}

    def replace(self, standing: Standing) -> None:
        """Take over what the records say. Blocks that they have not heard of stay."""
        self._standing = standing
        self._hearsay = {account: at for account, at in self._hearsay.items() if account not in standing.blocks}

    @property
    def blocked_count(self) -> int:
        return len(self._standing.blocks.keys() | self._unsaved.keys() | self._hearsay.keys())
