"""The memory behind `campaign`: sightings by key, as many as there is room for, those used last."""

from collections.abc import Iterable

from detector.traffic.campaign import Sightings, accomplices

MOST = 200_000
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
        self._old.pop(key, None)
        self._young[key] = sightings
        if len(self._young) >= self._third:
            suspected = [(key, old) for key, old in self._old.items() if old.suspects]
            if len(suspected) > self._third:
                suspected = sorted(suspected, key=lambda row: row[1].suspected_at[-1])[-self._third :]
            self._old, self._young = self._young, {}
            self._old.update(suspected)

    def suspicious_others(self, keys: Iterable[int], account: int, now: float) -> float:
        """By the key that says most: the other suspicious accounts that lately used it, as far as beyond chance."""
        young, old = self._young, self._old
        found = {id(one): one for key in keys if (one := young.get(key) or old.get(key)) is not None}
        return accomplices(found.values(), account, now)

    def notice(self, keys: Iterable[int], account: int, suspicious: bool, now: float) -> list[tuple[int, Sightings]]:
        """Remember that the account used these; the keys of which something changed, with what is known now.

        Keys that always came together have one object, and are worked out once: most never see another message.
        """
        unseen, changed = Sightings(), []
        known: dict[int, tuple[Sightings, Sightings]] = {}
        for key in keys:
            young = self._young.get(key)
            before = young or self._old.get(key) or unseen
            if id(before) not in known:
                known[id(before)] = (
                    before,
                    before.notice(account, suspicious, now),
                )  # keeps it, so that its id is its own
            after = known[id(before)][1]
            if after is not before:
                changed.append((key, after))
            if after is not young:
                self.put(key, after)
        return changed
