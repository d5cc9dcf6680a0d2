"""One relay process from its start to its end. The only reader of the clock."""

import asyncio
import contextlib
import os
import signal
import time
from importlib.metadata import version
from pathlib import Path

from detector import log
from detector.condition import show_clock, show_configuration, show_models
from detector.config import ConfigError, load
from detector.health import HealthServer
from detector.host import hold_alone, make_directories, notify_systemd
from detector.listeners import Listeners, passed_descriptors
from detector.metrics import Metrics
from detector.models import ModelError
from detector.parts import Parts
from detector.ports import Temporary
from detector.relay.pool import Pool
from detector.tls import server_context

VERSION = version("outbound-abuse-detector")
RESTART_NEEDED = ("policy_service", "state", "records", "hold", "response", "metrics", "log")
"""Sections that a reload does not take over; `relay.listen` is another, and all of `feedback` but its tags."""


def clock() -> float:
    """Unix seconds."""
    return time.time()


class Application:
    """Serves by one configuration file, and by what it says at each SIGHUP."""

    def __init__(self, path: Path) -> None:
        """Raises `ConfigError`."""
        self._path = path
        self._config = load(path)
        self._ready = False
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises `ConfigError`, `Temporary` or `OSError` when it cannot start."""
        config = self._config
        log.configure(config.log.format, config.log.level)
        make_directories(config)
        metrics = Metrics(VERSION)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(os.close, hold_alone(config.state.directory))
            health = HealthServer(config.metrics.listen, metrics, lambda: self._ready)
            health.start()
            stack.callback(health.stop)
            show_clock(metrics, clock, time.perf_counter)
            listeners = Listeners(passed_descriptors(os.environ, os.getpid()))
            self._parts = Parts(config, metrics, clock, time.perf_counter, stack, listeners)
            await self._parts.build()
            show_models(metrics)
            show_configuration(metrics, config, clock())
            self._handle_signals()
            addresses = [f"{host}:{port}" for host, port in self._parts.server.addresses]
            log.started(VERSION, addresses, config.mode, config.observe)
            self._ready = True
            notify_systemd("READY=1")
            await self._stop.wait()
            self._ready = False
            notify_systemd("STOPPING=1")
        log.stopped()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._parts.spawn(self._reload()))

    async def _reload(self) -> None:
        """Take over the configuration and certificates; a mistake in them leaves everything as it is."""
        notify_systemd(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        parts = self._parts
        try:
            config = load(self._path)
            make_directories(config)
            tls = server_context(config.relay.tls)
            pool = Pool(config.next_hop, config.relay.hostname, parts.metrics, clock)
            parts.server.reconfigure(config, parts.route(config, pool), tls)
        except (ConfigError, ModelError, OSError) as error:
            log.reload_refused(str(error))
            parts.metrics.reload_successful.set(0)
        else:
            for section in RESTART_NEEDED:
                if getattr(config, section) != getattr(self._config, section):
                    log.restart_needed(section)
            if config.relay.listen != self._config.relay.listen:
                log.restart_needed("relay.listen")
            for name, value in dict(config.feedback).items():
                if name != "tags" and value != getattr(self._config.feedback, name):
                    log.restart_needed(f"feedback.{name}")
            self._config = config
            old, parts.pool = parts.pool, pool
            await old.close()
            show_configuration(parts.metrics, config, clock())
            log.reloaded()
        notify_systemd("READY=1")


def serve(path: Path) -> None:
    """Run the relay until it is told to stop. Raises `ConfigError` when it cannot start."""

    async def main() -> None:
        await Application(path).run()

    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        try:
            runner.run(main())
        except (ModelError, Temporary, OSError) as error:
            raise ConfigError(str(error)) from error
