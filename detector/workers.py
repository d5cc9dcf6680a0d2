"""Starts the processes that take mail, starts again those that die, and tells all of them what they must know."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from detector import log
from detector.channel import Begin, Failed, FromWorker, Held, Look, Opened, Page, Ready, Stop, ToWorker
from detector.config import ConfigError
from detector.life import FIGURES_WITHIN, Life
from detector.memory import new_id
from detector.merging import counted
from detector.metrics import Metrics
from detector.relay.headcount import Ledger
from detector.roll import Roll
from detector.tasks import Tasks

PATIENCE = 15.0
"""Seconds beyond `relay.limits.stop_time` in which a worker that was told to stop writes what it has learned."""
LONG_LIFE = 60.0
"""Seconds after which a death is no more of a row of deaths."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


def pause(deaths: int) -> float:
    """Seconds before the next start, after so many deaths in a row.

    >>> [pause(deaths) for deaths in (1, 2, 3, 4, 20)]
    [0.0, 0.5, 1.0, 2.0, 30.0]
    """
    return 0.0 if deaths <= 1 else min(FIRST_PAUSE * 2.0 ** min(deaths - 2, 20), LONGEST_PAUSE)


@dataclass(slots=True)
class Workers:
    """`load` them, `start`, `follow` each new configuration, `look` when the records have changed, and `stop`.

    `opened` is told the ids of incidents that workers have opened; `forgiven` tells what `Begin` says of it. `text` is
    the configuration that holds, read from `source`; `listening` are sockets that the service manager has opened.
    When we are killed they go on without us, see `Roll`.
    """

    number: int
    text: str
    source: str
    metrics: Metrics
    opened: Callable[[str], None]
    forgiven: Callable[[], int]
    roll: Roll
    listening: Sequence[socket.socket] = ()
    _lives: dict[int, Life] = field(init=False, default_factory=dict)
    _gone: Page = field(init=False, default_factory=dict)
    _keepers: list[asyncio.Task[None]] = field(init=False, default_factory=list)
    _started: dict[int, asyncio.Future[None]] = field(init=False, default_factory=dict)
    _go: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _stopped: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _tasks: Tasks = field(init=False, default_factory=Tasks)
    _began: str = field(init=False)
    _ledger: Ledger = field(init=False)
    _lifeline: tuple[int, int] = field(init=False, default_factory=os.pipe)
    """Its other end closes when we die, however that is."""
    _name: str = field(init=False, default_factory=new_id)
    _loop: asyncio.AbstractEventLoop = field(init=False, default_factory=asyncio.get_running_loop)

    def __post_init__(self) -> None:
        self._began, self._ledger = self.text, Ledger(self.number)

    def load(self) -> None:
        """They come up while everything else does, and wait."""
        numbers = range(1, self.number + 1)
        self._started = {number: self._loop.create_future() for number in numbers}
        self._keepers = [self._loop.create_task(self._keep(number)) for number in numbers]

    async def start(self) -> None:
        """Return when all take mail. Raises `ConfigError` when one of them cannot, and `OSError`."""
        self._go.set()
        try:
            await asyncio.gather(*self._started.values())
            self.roll.take_over(self._name)
        finally:
            self._started = {}

    async def stop(self, stop_time: float) -> None:
        """Let running transactions end. Nothing happens the second time."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._tell(Stop())
        for life in self._lives.values() if not self._go.is_set() else ():
            life.process.kill()
        self._go.set()
        if self._keepers:
            _, late = await asyncio.wait(self._keepers, timeout=stop_time + PATIENCE)
            for life in list(self._lives.values()) if late else ():
                life.process.kill()
            await asyncio.gather(*self._keepers, return_exceptions=True)
        self._tasks.cancel()
        for end in self._lifeline:
            os.close(end)
        self._ledger.close()

    @property
    def alive(self) -> bool:
        """Whether anybody takes mail."""
        return any(life.ready for life in list(self._lives.values()))

    def look(self) -> None:
        """The records have changed, and we have taken that over. May be called in any thread."""
        self._loop.call_soon_threadsafe(self._tell, Look(self.forgiven()))

    async def follow(self, text: str) -> None:
        """One after the other takes over a configuration that was good for us."""
        self.text = text
        for number in range(1, self.number + 1):
            life = self._lives.get(number)
            if life is not None and life.ready:
                await self._let_follow(number, life)

    def pages(self) -> list[Page]:
        """The figures of all, those that have died included. Waits a moment: call it in another thread."""
        with contextlib.suppress(TimeoutError, RuntimeError):  # stopped meanwhile: what was told last
            return asyncio.run_coroutine_threadsafe(self._ask(), self._loop).result(2 * FIGURES_WITHIN)
        return self._told()

    # -- each of them --

    async def _keep(self, number: int) -> None:
        deaths = 0
        while not self._stopped.is_set():
            began = self._loop.time()
            try:
                status = await self._live(number)
            except OSError as error:  # no memory or no descriptors for another process
                log.worker_failed(number, str(error))
                status = os.EX_OSERR
            if self._stopped.is_set():
                return
            deaths = 1 if self._loop.time() - began >= LONG_LIFE else deaths + 1
            log.worker_died(number, status, pause(deaths))
            self.metrics.worker_restarts.inc()
            self._fail(number, f"worker {number} ended with status {status} before it took mail; its log tells why")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause(deaths)):
                    await self._stopped.wait()

    async def _live(self, number: int) -> int:
        listening = [passed.fileno() for passed in self.listening]
        descriptors = [self._lifeline[0], self._ledger.descriptor, *listening]
        life = self._lives[number] = await Life.start(descriptors)
        if self._stopped.is_set():  # meanwhile: nobody will tell it anything
            life.process.kill()
        try:
            await self._go.wait()
            if not self._stopped.is_set():  # else the start has failed meanwhile
                life.begin(Begin(number, self.number, self.text, self._began, self.source, self.forgiven(), self._name))
            while (message := await life.hear()) is not None:
                self._heed(number, life, message)
        except Exception as error:  # a fault of ours: it begins anew
            log.internal_error("worker", error)
            life.process.kill()
        status = await life.end()
        del self._lives[number]
        self._gone = counted(self._gone, life.page)
        self._ledger.clear(number - 1)
        self._count()
        return status

    def _heed(self, number: int, life: Life, message: FromWorker) -> None:
        match message:
            case Ready():
                self._take_in(number, life)
            case Failed(problem):
                log.worker_failed(number, problem)
                self._fail(number, problem)
            case Opened(incident_id):
                self.opened(incident_id)
                self._tell(Look(self.forgiven()), but=life)
            case Held():
                self._tell(message, but=life)

    def _take_in(self, number: int, life: Life) -> None:
        self._count()
        log.worker_ready(number, life.process.pid)
        if life.text != self.text:  # a reload came while it started
            self._tasks.spawn(self._let_follow(number, life))
        if self._stopped.is_set():
            life.channel.send(Stop())
        if number in self._started and not self._started[number].done():
            self._started[number].set_result(None)

    def _fail(self, number: int, problem: str) -> None:
        if number in self._started and not self._started[number].done():
            self._started[number].set_exception(ConfigError(problem))

    def _count(self) -> None:
        self.metrics.workers.set(sum(life.ready for life in self._lives.values()))

    # -- all of them --

    def _tell(self, message: ToWorker, but: Life | None = None) -> None:
        for life in self._lives.values():
            if life is not but and life.begun:
                life.channel.send(message)

    async def _let_follow(self, number: int, life: Life) -> None:
        problem = await life.follow(self.text)
        if problem:
            log.reload_refused(f"worker {number}: {problem}")

    async def _ask(self) -> list[Page]:
        await asyncio.gather(*(life.ask() for life in self._lives.values() if life.ready))
        return self._told()  # here, where no one is between the living and the dead this moment

    def _told(self) -> list[Page]:
        return [self._gone, *(life.page for life in list(self._lives.values()))]
