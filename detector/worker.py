"""One of several processes that take mail: it judges and passes on, and leaves everything else to the first process."""

import asyncio
import contextlib
import math
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

from detector import log
from detector.channel import (
    Alive,
    Ask,
    Begin,
    Channel,
    Failed,
    Figures,
    Follow,
    Followed,
    Held,
    Look,
    Opened,
    Ready,
    Stop,
    ToWorker,
    to_worker,
)
from detector.config import Config, ConfigError, parse
from detector.config.reload import taken_over
from detector.hop import Hop
from detector.life import PEOPLES
from detector.listeners import Listeners
from detector.memory import Memory, new_id
from detector.merging import page_of
from detector.metrics import Metrics
from detector.models import ModelError
from detector.ports import Clock, Temporary
from detector.process import VERSION, clock, run, settle_in, stopwatch
from detector.relay.headcount import Ledger, SharedHeadcount
from detector.relay.held_room import HeldHatch
from detector.response.desk import Desk
from detector.roll import Roll
from detector.tasks import Tasks, called

BEAT_EVERY = 1.0
LAST_MOMENT = 15.0
"""Seconds beyond `relay.limits.stop_time` in which a worker that is left alone writes what it has learned."""


@dataclass(slots=True)
class Worker:
    """Runs until it is told to stop. `version` is for the metrics."""

    channel: Channel[ToWorker]
    lifeline: int
    ledger: int
    listening: Sequence[int]
    version: str
    clock: Clock
    stopwatch: Clock
    _tasks: Tasks = field(init=False, default_factory=Tasks)
    _metrics: Metrics = field(init=False)
    _memory: Memory = field(init=False)
    _desk: Desk = field(init=False)
    _hatch: HeldHatch = field(init=False)
    _hop: Hop = field(init=False)
    _begin: Begin = field(init=False)
    _told: Look = field(init=False)
    _known: Look | None = field(init=False, default=None)
    _wake: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop = field(init=False, default_factory=asyncio.get_running_loop)
    _stop: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _told_to_end: Event = field(init=False, default_factory=Event)

    async def run(self) -> None:
        """Whatever keeps it from starting is told to the first process. Raises what it does not know."""
        begin = await self.channel.receive()
        if begin is None:  # the first process has died before anything began
            return
        if not isinstance(begin, Begin):
            raise TypeError("another message comes first")
        # Of systemd, or of a person, after the first process has died; while it lives it is the one to tell us.
        self._loop.add_signal_handler(signal.SIGTERM, self._told_to_end.set)
        self._begin, self._told = begin, Look(begin.forgiven)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._tasks.cancel)
            try:
                await self._start(stack)
            except (ConfigError, ModelError, Temporary, OSError) as error:
                self.channel.send(Failed(str(error)))
                return
            self.channel.send(Ready())
            await self._stop.wait()

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        begin, tasks = self._begin, self._tasks
        config = self._config(begin.text)
        log.configure(config.log.format, config.log.level, begin.number)
        roll, stop_time = Roll(config.state.directory), config.relay.limits.stop_time
        stack.callback(os.close, roll.enter())
        Thread(target=self._outlive, args=(roll, stop_time), name="lifeline", daemon=True).start()
        tasks.spawn(self._beat())
        self._metrics = Metrics(self.version)
        memory = self._memory = Memory(config, self._metrics, self.clock, self.stopwatch, stack)
        await memory.open()
        parts = memory.records, memory.book, self.clock, self._metrics, new_id, self._opened, memory.stores.news
        self._desk = Desk(*parts, patience=config.patience)
        self._hatch = await asyncio.to_thread(
            HeldHatch, config, memory.records, self._metrics, self.clock, lambda digest: self.channel.send(Held(digest))
        )
        tasks.spawn(self._heed())
        await self._hatch.start()
        while not await self._take_over():  # somebody decides this very moment
            await called(self._wake, BEAT_EVERY)
        for work in (self._keep_in_step(), self._desk.listen(), self._hatch.run()):
            tasks.spawn(work)
        # Each learns what clean mail scores; of what they learn alike one is kept.
        self._hop = Hop(memory, self._desk, self._hatch.intake, tasks, learns=begin.number == 1)
        self._hop.build()
        headcount = SharedHeadcount(Ledger(begin.workers, self.ledger), begin.number - 1)
        await self._hop.listen(Listeners(self.listening, shared=True), headcount)
        settle_in()

    # -- what it is told --

    async def _heed(self) -> None:
        while (message := await self.channel.receive()) is not None:
            try:
                await self._do(message)
            except Exception as error:  # a fault here must not leave it deaf
                log.internal_error("heed", error)

    async def _do(self, message: ToWorker) -> None:
        match message:
            case Follow(text):
                self.channel.send(Followed(await self._follow(text)))
            case Look():
                self._told = message
                self._wake.set()
            case Held(digest):
                self._hatch.intake.remember([digest])
            case Ask():
                self.channel.send(Figures(page_of(self._metrics.registry)))
            case Stop():
                self._stop.set()

    def _config(self, text: str) -> Config:
        """Raises `ConfigError`."""
        begin = self._begin
        began = parse(begin.began, begin.source)
        return share_of(taken_over(began, parse(text, begin.source)), begin.workers)

    async def _follow(self, text: str) -> str:
        """What is wrong with it; then everything is as it was."""
        try:
            await self._hop.follow(self._config(text))
        except (ConfigError, ModelError, OSError) as error:
            return str(error)
        return ""

    # -- in step with the records --

    async def _keep_in_step(self) -> None:
        while True:
            await called(self._wake, BEAT_EVERY)
            try:
                await self._desk.write()
                await self._take_over()
            except Temporary as error:
                self._desk.degraded("keep_in_step", error)
            except Exception as error:  # a fault here must not end the loop that lifts blocks
                log.internal_error("keep_in_step", error)
            else:
                self._desk.in_order()

    async def _take_over(self) -> bool:
        """Whether we know what people had decided when we were last told of it."""
        told = self._told
        if told is not self._known and await self._desk.take_over(self._evidence_is_forgiven):
            self._known = told
        return told is self._known

    async def _evidence_is_forgiven(self) -> bool:
        """The first process does it; mail that passes as soon as a block is lifted must not meet the old evidence."""
        return not await asyncio.to_thread(self._memory.records.forgiven_since, self._told.forgiven)

    def _opened(self, incident_id: str) -> None:
        """Called in a thread."""
        self._loop.call_soon_threadsafe(self.channel.send, Opened(incident_id))

    def _outlive(self, roll: Roll, stop_time: float) -> None:
        """Nobody would start us again, or tell us anything: without the first process no worker goes on for long."""
        os.read(self.lifeline, 1)  # it says nothing while it lives
        log.first_process_died()
        roll.outlive(self._begin.name, self._told_to_end)
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._stop.set)
        Event().wait(stop_time + LAST_MOMENT)
        os._exit(1)

    async def _beat(self) -> None:
        while True:
            self.channel.send(Alive())
            await asyncio.sleep(BEAT_EVERY)


def work(descriptors: Sequence[int]) -> None:
    """A worker's process: its end of the channel, the lifeline, the ledger of clients, and sockets to listen on."""
    channel, lifeline, ledger, *listening = descriptors
    for number in PEOPLES:  # the first process hears them, and tells us
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PEOPLES)

    async def main() -> None:
        ends = await Channel.open(socket.socket(fileno=channel), to_worker)
        await Worker(ends, lifeline, ledger, listening, VERSION, clock, stopwatch).run()

    run(main)


def share_of(config: Config, workers: int) -> Config:
    """What one of so many workers may use of what the configuration allows to all of them."""
    next_hop, state = config.next_hop, config.state
    connections, accounts = math.ceil(next_hop.connections / workers), math.ceil(state.accounts / workers)
    return config.model_copy(
        update={
            "next_hop": next_hop.model_copy(update={"connections": connections}),
            "state": state.model_copy(update={"accounts": accounts}),
        }
    )
