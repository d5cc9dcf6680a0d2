"""The memory behind `campaign`: sightings by key, as many as there is room for, those used last."""

from collections.abc import Iterable
from typing import Final

from detector.traffic.campaign import Sightings, accomplices

MOST: Final = 200_000
"""Keys in memory: of about 0.1 KB as long as one account uses them, which is nearly all; at ten to a message 20 MB."""


class Sighted:
    """Three thirds: the keys used last, those used before, and among these the suspected ones that were used earlier.

    When the first third is full it becomes the second, and the second is forgotten but for the newest keys with a
    suspicious account: a slow campaign must outlast the ordinary mail of a busy day. (A queue in exact order would make
    every use of a key a writing.)
    """

    def __init__(self, most: int = MOST) -> None:
        self._third = max(1, most // 3)
        self._young: dict[int, Sightings] = {}
        self._old: dict[int, Sightings] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def put(self, key: int, sightings: Sightings) -> None:
        if key in self._old:
            del self._old[key]
        self._young[key] = sightings
        if len(self._young) >= self._third:
            suspected = [(key, old) for key, old in self._old.items() if old.suspects]
            if len(suspected) > self._third:
                suspected = sorted(suspected, key=lambda row: row[1].suspected_at[-1])[-self._third :]
            self._old, self._young = self._young, {}
            self._old.update(suspected)

    def suspicious_others(self, keys: Iterable[int], account: int, now: float) -> float:
        """By the key that says most: the other suspicious accounts that lately used it, as far as beyond chance."""
        suspected: dict[int, Sightings] = {}
        for key in keys:
            one = self._at(key)
            if one is not None and one.suspects:
                suspected[id(one)] = one
        return accomplices(suspected.values(), account, now) if suspected else 0.0

    def notice(self, keys: Iterable[int], account: int, suspicious: bool, now: float) -> list[tuple[int, Sightings]]:
        """Remember that the account used these; the keys of which something changed, with what is known now.

        Keys that always came together have one object, and are worked out once: most never see another message.
        """
        changed: list[tuple[int, Sightings]] = []
        known: list[tuple[Sightings, Sightings]] = []  # before, and now
        for key in keys:
            before = self._at(key) or _UNSEEN
            after = _now(before, known)
            if after is None:
                after = before.notice(account, suspicious, now)
                known.append((before, after))
            if after is not before:
                changed.append((key, after))
                self.put(key, after)
            elif key not in self._young:
                self.put(key, after)
        return changed

    def _at(self, key: int) -> Sightings | None:
        young = self._young.get(key)
        return young if young is not None else self._old.get(key)


_UNSEEN: Final = Sightings()


def _now(before: Sightings, known: list[tuple[Sightings, Sightings]]) -> Sightings | None:
    for was, now in known:
        if was is before:
            return now
    return None
