"""What runs beside everything else, until it ends or its owner stops it."""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass, field


async def called(wake: asyncio.Event, within: float) -> None:
    """Return when it is set, or after so many seconds; then it is not set any more."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            await wake.wait()
    wake.clear()


@dataclass(slots=True)
class Tasks:
    """Keeps a reference to each: the event loop has weak ones only."""

    _running: set[asyncio.Task[None]] = field(init=False, default_factory=set)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def ended(self) -> None:
        """Wait until none runs any more."""
        while self._running:
            await asyncio.wait(self._running)

    def cancel(self) -> None:
        for task in self._running:
            task.cancel()
