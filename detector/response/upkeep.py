"""The hourly round: removes what was kept long enough, so that nothing is kept for ever because nobody looked."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from detector import log
from detector.config import Config
from detector.metrics import Metrics
from detector.ports import Clock, ProfileStore, Temporary
from detector.records.accountable import CALIBRATED
from detector.records.records import Records
from detector.records.retention import Retention
from detector.traffic.clock import told_twice

EVERY = 3600.0
AGAIN = 60.0
"""Seconds after which a round that did not come to its end is tried again."""


@dataclass(slots=True)
class Upkeep:
    """Profiles of accounts that were idle for too long go too; `others` are told the time for what else is kept.

    Several processes may do it at once.

    A round removes what was too old in the round before already: a host that starts with its clock years ahead has an
    hour to find out before everything is erased.
    """

    records: Records
    profiles: ProfileStore
    config: Config
    clock: Clock
    metrics: Metrics
    others: Sequence[Callable[[float], None]] = ()
    _next: float = field(default=0.0, init=False)
    _before: float = field(default=-math.inf, init=False)

    async def keep(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self.tidy()
            except Exception as error:  # a fault here must not end the rounds
                log.internal_error("upkeep", error)
            await asyncio.sleep(AGAIN)

    async def tidy(self) -> None:
        """A round, if the last one was an hour ago. Problems are shown, and it is tried again in a minute."""
        now = self.clock()
        if 0.0 < self._next - now <= EVERY:  # farther away is it only by a clock that was put back
            return
        self._next = now + AGAIN
        then = told_twice(self._before, now)
        try:
            await self.profiles.forget_idle(then - self.config.state.keep_profiles)
            for forget in self.others:
                forget(then)
            removed = await self._remove(then)
            calibrated_at = await asyncio.to_thread(self.records.last_audited, *CALIBRATED)
        except Temporary as error:
            log.records_failed("upkeep", str(error))
            return
        self._next, self._before = now + EVERY, now
        self.metrics.calibrated_at.set(calibrated_at or 0.0)
        if removed:
            log.records_removed(removed)

    async def _remove(self, then: float) -> dict[str, int]:
        kept, fade_after = self.config.records, self.config.response.strikes.fade_after
        retention = Retention(kept.keep_verdicts, kept.keep_incidents, kept.keep_audit, fade_after)
        removed: dict[str, int] = {}
        while batch := await asyncio.to_thread(self.records.enforce_retention, retention, then):
            for kind, count in batch.items():
                removed[kind] = removed.get(kind, 0) + count
                self.metrics.records_removed.labels(kind).inc(count)
        return removed
