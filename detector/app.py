"""The composition root: builds everything from the configuration. The only reader of the clock."""

import asyncio
import contextlib
import os
import secrets
import signal
import time
from importlib.metadata import version
from pathlib import Path

from detector import log
from detector.config import Config, ConfigError, State, load
from detector.config.database import is_shared
from detector.config.policy_version import policy_version
from detector.content.reader import Reader
from detector.health import HealthServer
from detector.host import hold_alone, make_directories, notify_systemd, recipient_key
from detector.metrics import Metrics
from detector.models import ModelError, load_content, load_prior
from detector.ports import Temporary
from detector.records.book import Book
from detector.records.records import Records
from detector.relay.assess import Assessor
from detector.relay.contents import Contents
from detector.relay.exchange import Route
from detector.relay.gate import Gate
from detector.relay.held_room import HeldRoom
from detector.relay.identity import build_sources, headers_to_strip, needs_header
from detector.relay.policy_service import PolicyService
from detector.relay.pool import Pool
from detector.relay.server import Server
from detector.response.desk import Desk
from detector.response.durable import LOCAL
from detector.response.providers import build
from detector.response.tools import Tools
from detector.response.upkeep import Upkeep
from detector.response.workflow import Containment
from detector.state.campaigns import MemoryCampaigns
from detector.state.joins import MemoryJoins
from detector.state.profiles import MemoryProfiles
from detector.state.usual import UsualFile
from detector.tls import server_context
from detector.verdict.policy import Policy

VERSION = version("outbound-abuse-detector")
KEEP_IN_STEP_EVERY = 1.0
RESTART_NEEDED = ("policy_service", "state", "records", "hold", "response", "metrics", "log")
"""Sections that a reload does not take over; `relay.listen` is another."""


def clock() -> float:
    """Unix seconds."""
    return time.time()


def new_id() -> str:
    """A name for a transaction or an incident that nobody can guess: 64 bits from the operating system."""
    return secrets.token_hex(8)


class Application:
    """One relay process."""

    def __init__(self, path: Path) -> None:
        """Raises `ConfigError`."""
        self._path = path
        self._config = load(path)
        self._ready = False
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises `ConfigError`, `Temporary` or `OSError` when it cannot start."""
        config = self._config
        log.configure(config.log.format, config.log.level)
        make_directories(config)
        self._metrics = Metrics(VERSION)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(os.close, hold_alone(config.state.directory))
            health = HealthServer(config.metrics.listen, self._metrics, lambda: self._ready)
            health.start()
            stack.callback(health.stop)
            await self._build(stack)
            self._handle_signals()
            log.started(
                VERSION, [f"{host}:{port}" for host, port in self._server.addresses], config.mode, config.observe
            )
            self._ready = True
            notify_systemd("READY=1")
            await self._stop.wait()
            self._ready = False
            notify_systemd("STOPPING=1")
        log.stopped()

    async def _build(self, stack: contextlib.AsyncExitStack) -> None:
        """What is built last stops first."""
        config = self._config
        records = await asyncio.to_thread(Records, config.records_url)
        stack.callback(records.close)
        state = config.state
        profiles = MemoryProfiles(state.directory / "profiles.sqlite", state.write_every, state.accounts, self._metrics)
        stack.push_async_callback(asyncio.to_thread, profiles.close)
        joins = config.policy_service
        self._joins = MemoryJoins(
            state.directory / "joins.sqlite",
            state.write_every,
            joins.remember_time,
            joins.remember_count,
            self._metrics,
        )
        stack.push_async_callback(asyncio.to_thread, self._joins.close)
        providers = build(config.response, config.next_hop, config.relay.hostname, clock, state.directory)
        tools = Tools(records, providers, config.response, clock, self._metrics)
        containment = Containment(config.workflow_url, tools, new_id() if is_shared(config.workflow_url) else LOCAL)
        await asyncio.to_thread(containment.start)
        stack.push_async_callback(asyncio.to_thread, containment.stop)
        self._book, self._profiles = Book(), profiles
        self._desk = Desk(records, self._book, profiles, containment, clock, self._metrics, new_id)
        await self._desk.start()
        self._spawn(self._keep_in_step())
        self._spawn(Upkeep(records, profiles, config, clock, self._metrics).keep())
        stack.callback(self._cancel_tasks)
        self._policy_service = PolicyService(config.policy_service, self._joins, self._metrics, clock)
        await self._policy_service.start()
        stack.push_async_callback(self._policy_service.stop)
        self._key = recipient_key(state.directory / "recipient.key")
        self._contents = self._build_contents(state, stack)
        self._pool = Pool(config.next_hop, config.relay.hostname, self._metrics, clock)
        stack.push_async_callback(self._close_pool)
        self._held = await asyncio.to_thread(HeldRoom, config, records, self._metrics, clock, new_id)
        stack.push_async_callback(self._held.stop)
        await self._held.start()
        self._server = Server(config, self._route(config, self._pool), server_context(config.relay.tls), new_id)
        await self._server.start()
        stack.push_async_callback(self._server.stop)

    def _build_contents(self, state: State, stack: contextlib.AsyncExitStack) -> Contents:
        """What reads messages, with what it has learned; the text model stays the same until the process ends."""
        model, shipped, self._content_version = load_content()
        usual = UsualFile(state.directory / "text-usual.bin", self._content_version, shipped, self._metrics)
        reader = Reader(model, usual.load())
        stack.push_async_callback(asyncio.to_thread, lambda: usual.save(reader.usual))
        self._spawn(usual.keep(lambda: reader.usual))
        campaigns = MemoryCampaigns(state.directory / "campaigns.sqlite", state.write_every, self._key, self._metrics)
        stack.push_async_callback(asyncio.to_thread, campaigns.close)
        return Contents(reader, campaigns, self._metrics, clock)

    def _route(self, config: Config, pool: Pool) -> Route:
        priors, ledger_version = load_prior()
        judging = config.judging
        assessor = Assessor(
            config=config,
            sources=build_sources(config, self._joins),
            needs_header=needs_header(config),
            profiles=self._profiles,
            gate=Gate(config, self._book, self._metrics, clock),
            desk=self._desk,
            policy=Policy(
                recipient_key=self._key,
                priors=priors,
                model_version=f"{ledger_version}, {self._content_version}",
                policy_version=policy_version(config),
                **judging.model_dump(),
            ),
            contents=self._contents,
            metrics=self._metrics,
            clock=clock,
            stopwatch=time.perf_counter,
        )
        limits = config.relay.limits
        route = Route(
            pool=pool,
            hold=self._held.intake,
            assessor=assessor,
            metrics=self._metrics,
            strip=headers_to_strip(config),
            size_limit_bytes=limits.message_size_bytes,
            recipients_limit=limits.recipients_per_transaction,
        )
        self._held.follow(route)
        return route

    # -- while it runs --

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self._reload()))

    async def _keep_in_step(self) -> None:
        while True:
            await asyncio.sleep(KEEP_IN_STEP_EVERY)
            try:
                await self._desk.keep_in_step()
            except Exception as error:  # a fault here must not end the loop that lifts blocks
                log.internal_error("keep_in_step", error)
            notify_systemd("WATCHDOG=1")

    async def _reload(self) -> None:
        """Take over the configuration and certificates; a mistake in them leaves everything as it is."""
        notify_systemd(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            config = load(self._path)
            make_directories(config)
            tls = server_context(config.relay.tls)
            pool = Pool(config.next_hop, config.relay.hostname, self._metrics, clock)
            self._server.reconfigure(config, self._route(config, pool), tls)
        except (ConfigError, ModelError, OSError) as error:
            log.reload_refused(str(error))
        else:
            for section in RESTART_NEEDED:
                if getattr(config, section) != getattr(self._config, section):
                    log.restart_needed(section)
            if config.relay.listen != self._config.relay.listen:
                log.restart_needed("relay.listen")
            self._config = config
            old, self._pool = self._pool, pool
            await old.close()
            log.reloaded()
        notify_systemd("READY=1")

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _close_pool(self) -> None:
        """Whichever it is by then: a reload replaces it."""
        await self._pool.close()


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
