"""What runs beside everything else, until it ends or its owner stops it."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tasks:
    """Keeps a reference to each: the event loop has weak ones only."""

    _running: set[asyncio.Task[None]] = field(init=False, default_factory=set)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        for task in self._running:
            task.cancel()
