"""Campaigns: who else lately sent the same, in memory; what says something about others also on disk."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from detector import log
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.state.table import stored_rows
from detector.state.write_behind import Form, WriteBehind
from detector.traffic.campaign import FORGET, Sightings, hashed
from detector.traffic.clock import DAY, latest
from detector.traffic.sighted import MOST, Sighted

_decoder = msgspec.msgpack.Decoder(Sightings)


def pack(sightings: Sightings) -> bytes:
    return msgspec.msgpack.encode(sightings)


def unpack(packed: bytes) -> Sightings:
    """Raises `ValueError` for anything that `pack` did not make."""
    sightings = _decoder.decode(packed)  # msgspec's errors are ValueErrors
    if len(sightings.suspects) != len(sightings.suspected_at):
        msg = "each suspect needs its time"
        raise ValueError(msg)
    return sightings


class MemoryCampaigns:
    """The `CampaignStore` of one process and one event loop. `key` hashes the accounts.

    All is read from disk at the start and never again: most keys of most messages are new, and each would be looked for
    in vain. For the same reason a key is written only when it has a suspicious account, or several accounts.
    """

    def __init__(self, path: Path, write_every: float, key: bytes, metrics: Metrics, most: int = MOST) -> None:
        degraded = metrics.state_degraded.labels("campaigns")
        self._rows = WriteBehind(path, Form(pack, unpack), write_every, most, degraded)
        self._key = key
        self._most = most
        self._sighted = Sighted(most)
        self._newest = 0.0
        self._put = 0
        for number, sightings in _stored(path):
            self._sighted.put(number, sightings)

    async def suspicious_others(self, keys: Sequence[int], account: str, now: float) -> float:
        return self._sighted.suspicious_others(keys, hashed(account, self._key), now)

    async def notice(self, keys: Sequence[int], account: str, suspicious: bool, now: float) -> None:
        before, self._newest = self._newest, latest(self._newest, now)
        last, writes = None, False
        for key, sightings in self._sighted.notice(keys, hashed(account, self._key), suspicious, now):
            if sightings is not last:  # most keys of a message have one and the same
                last, writes = sightings, sightings.shared
            if writes:
                self._rows.put(f"{key:016x}", sightings, now)
                self._put += 1
        # A clock that leaps says nothing about the age of what is remembered.
        if self._put > self._most // 100 and self._newest - before < DAY:
            self._put = 0
            self._rows.forget(now - FORGET, self._most)

    def close(self) -> None:
        """Write what was not written yet. Blocks."""
        self._rows.close()


def _stored(path: Path) -> Iterator[tuple[int, Sightings]]:
    try:
        for key, packed in stored_rows(path):
            with suppress(ValueError):  # damaged, or of another version: it is forgotten, and soon written over
                yield int(key, 16), unpack(packed)
    except Temporary as error:
        log.state_unreadable("campaigns", str(error))
