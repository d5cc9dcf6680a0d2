"""Campaigns in one replay: who else lately sent the same, in bounded memory."""

from collections.abc import Iterable

from detector.traffic.campaign import hashed
from detector.traffic.sighted import MOST, Sighted


class Campaigns:
    """What `detector.ports.CampaignStore` does, at once and without a disk. `key` hashes the accounts."""

    def __init__(self, key: bytes, most: int = MOST) -> None:
        self._key = key
        self._sighted = Sighted(most)

    def suspicious_others(self, keys: Iterable[int], account: str, now: float) -> float:
        return self._sighted.suspicious_others(keys, hashed(account, self._key), now)

    def notice(self, keys: Iterable[int], account: str, suspicious: bool, now: float) -> None:
        self._sighted.notice(keys, hashed(account, self._key), suspicious, now)
