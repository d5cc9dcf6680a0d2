"""What incidents and people decided about accounts, as this process knows it: who is blocked, who is exempt."""

from dataclasses import replace

from detector.records.entries import Standing


class Book:
    """Asked for every transaction, so it is in memory; replaced whenever any process has changed the records."""

    def __init__(self) -> None:
        self._standing = Standing(blocks={}, exemptions={})
        self._unsaved: dict[str, str] = {}

    def blocked(self, account: str) -> bool:
        return account in self._standing.blocks or account in self._unsaved

    def exempt(self, account: str, now: float) -> bool:
        exemption = self._standing.exemptions.get(account)
        return exemption is not None and exemption.holds(now)

    def block(self, account: str, incident_id: str) -> None:
        """Blocked from now on, though the records do not know it yet."""
        self._unsaved[account] = incident_id

    def saved(self, account: str, incident_id: str) -> None:
        """The records know this block now: from here on a release that they know counts."""
        self._unsaved.pop(account, None)
        self._standing = replace(self._standing, blocks={**self._standing.blocks, account: incident_id})

    def replace(self, standing: Standing) -> None:
        """Take over what the records say. Blocks that they have not heard of stay."""
        self._standing = standing

    @property
    def blocked_count(self) -> int:
        return len(self._standing.blocks.keys() | self._unsaved.keys())
