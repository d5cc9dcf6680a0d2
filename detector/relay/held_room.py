"""All that belongs to held mail, put together: the room of one process, and a hatch for each other."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from detector import log
from detector.config import Config
from detector.metrics import Metrics
from detector.ports import Clock, Temporary
from detector.records.records import Records
from detector.relay.held_carrier import Carrier
from detector.relay.held_courier import Courier
from detector.relay.held_files import HeldFiles
from detector.relay.held_housekeeping import Housekeeping
from detector.relay.held_intake import Intake
from detector.relay.held_keys import load_keys
from detector.relay.held_releaser import Releaser
from detector.relay.held_reports import Reports
from detector.relay.held_use import Use
from detector.relay.route import Route

TIDY_EVERY = 3600.0
COUNT_EVERY = 5.0
"""Seconds between two counts of what all have put into the room together."""
ERASE_EVERY = 2.0


@asynccontextmanager
async def open_room(
    config: Config, records: Records, metrics: Metrics, clock: Clock, new_id: Callable[[], str]
) -> AsyncIterator["HeldRoom"]:
    """Held mail is taken and released until the end of the context. Raises `ConfigError`, `Temporary`, `OSError`."""
    room = await asyncio.to_thread(HeldRoom, config, records, metrics, clock, new_id)
    try:
        await room.start()
        yield room
    finally:
        await room.stop()


class HeldRoom:
    """Between `start` and `stop` mail is held and released. `intake` is for the relay, `follow` for a reload."""

    def __init__(
        self, config: Config, records: Records, metrics: Metrics, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        """Blocks. Raises `ConfigError` and `OSError`."""
        files = HeldFiles(config.hold_directory, load_keys(config))
        self._lock = files.hold_alone()
        spool, settings = files.spool_id(), config.hold
        use = Use(settings, metrics)
        carrier = Carrier(
            settings,
            Courier(files, records, clock),
            Reports(files, config.relay.hostname, new_id),
            records,
            metrics,
            clock,
        )
        self.intake = Intake(settings, spool, files, records, use, metrics, clock)
        self._releaser = Releaser(spool, records, carrier, use, metrics, clock)
        self._housekeeping = Housekeeping(settings, spool, files, records, metrics)
        self._clock, self._records, self._spool = clock, records, spool
        self._stop_time = config.relay.limits.stop_time
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, alone: bool = True) -> None:
        """Put in order what a crash left; then begin. Raises `Temporary` and `OSError`.

        Not `alone`, other processes hold mail here: what looks as if a crash had left it is left to the next start.
        """
        await asyncio.to_thread(self._housekeeping.begin, self._clock(), alone)
        self.intake.remember(await asyncio.to_thread(self._records.held_digests, self._spool))
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._releaser.run()), loop.create_task(self._keep_house())]

    def follow(self, route: Route) -> None:
        self._releaser.follow(route)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._releaser.stop(self._stop_time)
        os.close(self._lock)

    async def _keep_house(self) -> None:
        tidied_at = float("-inf")
        while True:
            now = self._clock()
            try:
                if abs(now - tidied_at) >= TIDY_EVERY:  # a clock that is put back must not end it
                    await asyncio.to_thread(self._housekeeping.tidy, now)
                    tidied_at = now
                await asyncio.to_thread(self._housekeeping.erase)
            except Temporary as error:
                log.records_failed("held", str(error))
            except Exception as error:  # a fault here must not end the loop
                log.internal_error("housekeeping", error)
            await asyncio.sleep(ERASE_EVERY)


class HeldHatch:
    """Takes mail for the room of another process, which keeps house and releases. `run` it until it is cancelled."""

    def __init__(
        self, config: Config, records: Records, metrics: Metrics, clock: Clock, tell: Callable[[str], None]
    ) -> None:
        """`tell`: see `Intake`. Blocks. Raises `ConfigError` and `OSError`."""
        files = HeldFiles(config.hold_directory, load_keys(config))
        self._spool, self._records, self._clock = files.spool_id(), records, clock
        self._use = Use(config.hold, metrics)
        self.intake = Intake(config.hold, self._spool, files, records, self._use, metrics, clock, tell)

    async def start(self) -> None:
        """Learn what is there. Raises `Temporary`."""
        self.intake.remember(await asyncio.to_thread(self._records.held_digests, self._spool))
        await self._count()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(COUNT_EVERY)
            try:
                await self._count()
            except Temporary as error:
                log.records_failed("held", str(error))

    async def _count(self) -> None:
        self._use.replace(await asyncio.to_thread(self._records.held_use, self._spool), self._clock())
