"""The server from its start to its end: one process, or a first one and the workers that take mail for it."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from detector import log
from detector.channel import Page
from detector.condition import show_clock, show_configuration, show_models
from detector.config import ConfigError, parse, read_text
from detector.config.reload import taken_over, takes_a_restart
from detector.health import HealthServer
from detector.hop import Hop
from detector.host import become_owner, hold_alone, leave_no_core, make_directories, notify_systemd
from detector.listeners import Listeners, passed_descriptors
from detector.memory import Memory
from detector.merging import Merged
from detector.metrics import Metrics
from detector.models import ModelError
from detector.office import Office
from detector.process import VERSION, clock, end_within, run, settle_in, stopwatch
from detector.relay.headcount import OwnHeadcount
from detector.roll import Roll
from detector.tasks import Tasks
from detector.workers import Workers

LAST_MOMENT = 55.0
"""Seconds beyond `relay.limits.stop_time` for containments under way, what was learned, and the records: less than
service managers give us (deploy/systemd)."""


class Application:
    """Serves by one configuration file, and by what it says at each SIGHUP."""

    def __init__(self, path: Path) -> None:
        """In the loop in which it runs. Raises `ConfigError`."""
        self._changed = asyncio.Event()
        # Before the file is read: what is changed after that is taken over when mail is taken.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._changed.set)
        self._path = path
        self._text = read_text(path)
        self._config = self._began = parse(self._text, str(path))
        self._metrics = Metrics(VERSION)
        self._tasks = Tasks()
        self._workers: Workers | None = None
        self._ready = False
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises `ConfigError`, `Temporary` or `OSError` when it cannot start."""
        config, metrics = self._config, self._metrics
        log.configure(config.log.format, config.log.level)
        leave_no_core()
        if become_owner(config.state.directory):
            log.running_as_root(str(config.state.directory))
        make_directories(config)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(os.close, hold_alone(config.state.directory))
            figures = metrics.registry if config.workers == 1 else Merged(metrics.registry, self._pages).registry()
            health = HealthServer(config.metrics.listen, figures, self._takes_mail)
            health.start()
            stack.callback(health.stop)
            show_clock(metrics, clock, stopwatch)
            addresses = await self._open(stack)
            settle_in()
            show_models(metrics)
            show_configuration(metrics, config, clock())
            self._handle_signals()
            log.started(VERSION, addresses, config.mode, config.observe)
            self._ready = True
            notify_systemd("READY=1")
            await self._stop.wait()
            self._ready = False
            notify_systemd("STOPPING=1")
            end_within(self._config.relay.limits.stop_time + LAST_MOMENT)
        log.stopped()

    async def _open(self, stack: contextlib.AsyncExitStack) -> list[str]:
        """What is started last is stopped first. The addresses on which mail is taken."""
        config, alone = self._config, self._config.workers == 1
        listeners = Listeners(passed_descriptors(os.environ, os.getpid()))
        if not alone:
            self._workers = self._load_workers(listeners, stack)
        memory = Memory(config, self._metrics, clock, stopwatch, stack)
        await memory.open()
        office = self._office = Office(memory, self._tasks, self._look, self._beat)
        await office.open()
        hop = self._hop = Hop(memory, office.desk, office.held.intake, self._tasks, learns=alone)
        hop.build()
        await office.begin(hop)
        if self._workers is None:
            taken = await hop.listen(listeners, OwnHeadcount())
            self._metrics.workers.set(1)
        else:
            taken = [str(address) for address in config.relay.listen]
            stack.push_async_callback(self._stop_workers)
            await self._workers.start()
        listeners.refuse_the_rest()
        office.contain()
        return taken

    def _load_workers(self, listeners: Listeners, stack: contextlib.AsyncExitStack) -> Workers:
        """It takes them as long as it takes us to open the office; who is not needed any more is stopped at last."""
        config, roll = self._config, Roll(self._config.state.directory)
        addresses = [*config.relay.listen, *config.policy_service.listen]
        workers = Workers(
            config.workers,
            self._text,
            str(self._path),
            self._metrics,
            self._opened,
            lambda: self._office.decisions.forgiven,
            roll,
            listeners.for_workers(addresses, left=roll.anybody()),
        )
        stack.push_async_callback(self._stop_workers)
        workers.load()
        return workers

    async def _stop_workers(self) -> None:
        if self._workers is not None:
            await self._workers.stop(self._config.relay.limits.stop_time)

    # -- while it runs --

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self._tasks.spawn(self._reload_when_told())

    def _takes_mail(self) -> bool:
        return self._ready and (self._workers is None or self._workers.alive)

    def _beat(self) -> None:
        if self._workers is None or self._workers.alive:
            notify_systemd("WATCHDOG=1")

    def _opened(self, incident_id: str) -> None:
        self._office.incident_opened(incident_id)

    def _look(self) -> None:
        if self._workers is not None:
            self._workers.look()

    def _pages(self) -> Sequence[Page]:
        return () if self._workers is None else self._workers.pages()

    async def _reload_when_told(self) -> None:
        """However often we are told while we reload: it is done once more, and what the file says then counts."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            notify_systemd(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            try:
                await self._reload()
            except Exception as error:  # a fault here must not leave us deaf
                log.internal_error("reload", error)
            notify_systemd("READY=1")

    async def _reload(self) -> None:
        """Take over the configuration and certificates; a mistake in them leaves everything as it is."""
        try:
            text = read_text(self._path)
            wanted = parse(text, str(self._path))
            config = taken_over(self._began, wanted)
            make_directories(config)
            await self._hop.follow(config)
        except (ConfigError, ModelError, OSError) as error:
            log.reload_refused(str(error))
            self._metrics.reload_successful.set(0)
            return
        self._office.follow(config, self._hop)
        for setting in takes_a_restart(self._began, wanted):
            log.restart_needed(setting)
        self._config = config
        if self._workers is not None:
            await self._workers.follow(text)
        show_configuration(self._metrics, config, clock())
        log.reloaded()


def serve(path: Path) -> None:
    """Run the server until it is told to stop. Raises `ConfigError` when it cannot start."""

    async def main() -> None:
        await Application(path).run()

    run(main)
