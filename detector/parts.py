"""The parts of one relay process, built from the configuration: each gets what it works with, and nothing is global."""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field

from detector import log
from detector.config import Config
from detector.config.database import is_shared
from detector.config.policy_version import policy_version
from detector.content.reader import Reader
from detector.feedback.room import FeedbackRoom, House, Rules
from detector.host import notify_systemd, recipient_key
from detector.listeners import Listeners
from detector.metrics import Metrics
from detector.models import load_content, load_prior
from detector.ports import Clock
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
from detector.relay.tagging import build_tagger, tag_keys
from detector.reports.ties import Ties
from detector.response.desk import Desk
from detector.response.durable import LOCAL
from detector.response.providers import build
from detector.response.tools import Tools
from detector.response.upkeep import Upkeep
from detector.response.workflow import Containment
from detector.state.campaigns import MemoryCampaigns
from detector.state.handed_over import MemoryHandedOver
from detector.state.heard import Heard
from detector.state.joins import MemoryJoins
from detector.state.profiles import MemoryProfiles
from detector.state.usual import UsualFile
from detector.tls import server_context
from detector.verdict.policy import Policy

KEEP_IN_STEP_EVERY = 1.0
HANDED_OVER_EVERY = 0.05
"""Seconds: results of what a crash makes us forget here are lost, and many come within a second."""


def new_id() -> str:
    """A name for a transaction or an incident that nobody can guess: 64 bits from the operating system."""
    return secrets.token_hex(8)


@dataclass(slots=True)
class Parts:
    """`build` starts them one after the other; what is started last is stopped first, by the `stack`.

    `clock` gives Unix seconds, `stopwatch` seconds for measuring.
    """

    config: Config
    metrics: Metrics
    clock: Clock
    stopwatch: Clock
    stack: contextlib.AsyncExitStack
    listeners: Listeners = field(default_factory=Listeners)
    server: Server = field(init=False)
    pool: Pool = field(init=False)
    _records: Records = field(init=False)
    _profiles: MemoryProfiles = field(init=False)
    _joins: MemoryJoins = field(init=False)
    _handed_over: MemoryHandedOver = field(init=False)
    _book: Book = field(init=False, default_factory=Book)
    _desk: Desk = field(init=False)
    _contents: Contents = field(init=False)
    _content_version: str = field(init=False)
    _key: bytes = field(init=False)
    _held: HeldRoom = field(init=False)
    _heard: Heard = field(init=False)
    _containment: Containment = field(init=False)
    _feedback: FeedbackRoom = field(init=False)
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)

    async def build(self) -> None:
        """Raises `ConfigError`, `ModelError`, `Temporary` or `OSError`."""
        self._key = recipient_key(self.config.state.directory / "recipient.key")
        await self._build_memory()
        await self._build_desk()
        self._build_contents()
        await self._build_feedback()
        await self._build_relay()

    async def _build_memory(self) -> None:
        """What is remembered: records, profiles, and which login stands behind a queue id."""
        config, stack, state = self.config, self.stack, self.config.state
        self._records = await asyncio.to_thread(Records, config.records_url)
        stack.callback(self._records.close)
        self._profiles = MemoryProfiles(
            state.directory / "profiles.sqlite", state.write_every, state.accounts, self.metrics
        )
        stack.push_async_callback(asyncio.to_thread, self._profiles.close)
        joins = config.policy_service
        self._joins = MemoryJoins(
            state.directory / "joins.sqlite", state.write_every, joins.remember_time, joins.remember_count, self.metrics
        )
        stack.push_async_callback(asyncio.to_thread, self._joins.close)
        back = config.feedback
        self._handed_over = MemoryHandedOver(
            state.directory / "handed_over.sqlite",
            min(HANDED_OVER_EVERY, state.write_every),
            back.remember_time,
            back.remember_count,
            self.metrics,
        )
        stack.push_async_callback(asyncio.to_thread, self._handed_over.close)
        self._heard = Heard(state.directory / "heard.sqlite", max(back.remember_time, back.tags.lifetime))
        stack.push_async_callback(asyncio.to_thread, self._heard.close)

    async def _build_desk(self) -> None:
        """What is done about incidents, and about what was kept long enough."""
        config, stack = self.config, self.stack
        providers = build(config.response, config.next_hop, config.relay.hostname, self.clock, config.state.directory)
        tools = Tools(self._records, providers, config.response, self.clock, self.metrics)
        containment = Containment(config.workflow_url, tools, new_id() if is_shared(config.workflow_url) else LOCAL)
        await asyncio.to_thread(containment.start)
        stack.push_async_callback(asyncio.to_thread, containment.stop)
        self._containment = containment
        self._desk = Desk(
            self._records,
            self._book,
            self._profiles,
            containment,
            self.clock,
            self.metrics,
            new_id,
            self._heard.forget,
        )
        await self._desk.start()
        stack.callback(self._cancel_tasks)
        self.spawn(self._keep_in_step())
        self.spawn(Upkeep(self._records, self._profiles, config, self.clock, self.metrics).keep())

    def _build_contents(self) -> None:
        """What reads messages, with what it has learned; the text model stays the same until the process ends."""
        stack, state = self.stack, self.config.state
        model, shipped, self._content_version = load_content()
        usual = UsualFile(state.directory / "text-usual.bin", self._content_version, shipped, self.metrics)
        reader = Reader(model, usual.load())
        stack.push_async_callback(asyncio.to_thread, lambda: usual.save(reader.usual))
        self.spawn(usual.keep(lambda: reader.usual))
        campaigns = MemoryCampaigns(state.directory / "campaigns.sqlite", state.write_every, self._key, self.metrics)
        stack.push_async_callback(asyncio.to_thread, campaigns.close)
        self._contents = Contents(reader, campaigns, self.metrics, self.clock)

    async def _build_feedback(self) -> None:
        """What comes back; it learns what a crash has taken before the first mail."""
        stores, announce = (self._profiles, self._handed_over, self._heard), self._containment.announce
        house = House(*stores, self._book, self._desk, announce, self.metrics, self.clock, new_id)
        config = self.config
        self._feedback = FeedbackRoom(config, house, self._rules(config), server_context(config.relay.tls))
        self.stack.push_async_callback(self._feedback.stop)
        await self._feedback.start()

    async def _build_relay(self) -> None:
        config, stack = self.config, self.stack
        policy_service = PolicyService(config.policy_service, self._joins, self.metrics, self.clock)
        await policy_service.start(self.listeners)
        stack.push_async_callback(policy_service.stop)
        self.pool = Pool(config.next_hop, config.relay.hostname, self.metrics, self.clock)
        stack.push_async_callback(self._close_pool)
        self._held = await asyncio.to_thread(HeldRoom, config, self._records, self.metrics, self.clock, new_id)
        stack.push_async_callback(self._held.stop)
        await self._held.start()
        self.server = Server(config, self.route(config, self.pool), server_context(config.relay.tls), new_id)
        await self.server.start(self.listeners)
        self.listeners.refuse_the_rest()
        stack.push_async_callback(self.server.stop)

    def route(self, config: Config, pool: Pool) -> Route:
        """The way of each transaction by this configuration; the hold and feedback go by it too from now on."""
        self._feedback.follow(self._rules(config))
        assessor = Assessor(
            config=config,
            sources=build_sources(config, self._joins),
            needs_header=needs_header(config),
            profiles=self._profiles,
            gate=Gate(config, self._book, self.metrics, self.clock),
            desk=self._desk,
            policy=self._policy(config),
            contents=self._contents,
            handed_over=self._handed_over,
            metrics=self.metrics,
            clock=self.clock,
            stopwatch=self.stopwatch,
        )
        limits, tagger = config.relay.limits, build_tagger(config)
        route = Route(
            pool=pool,
            hold=self._held.intake,
            assessor=assessor,
            metrics=self.metrics,
            strip=headers_to_strip(config) | tagger.strips,
            size_limit_bytes=limits.message_size_bytes,
            recipients_limit=limits.recipients_per_transaction,
            tagger=tagger,
        )
        self._held.follow(route)
        return route

    def _policy(self, config: Config) -> Policy:
        priors, ledger_version = load_prior()
        return Policy(
            recipient_key=self._key,
            priors=priors,
            model_version=f"{ledger_version}, {self._content_version}",
            policy_version=policy_version(config),
            **config.judging.model_dump(),
        )

    def _rules(self, config: Config) -> Rules:
        tags = config.feedback.tags
        return Rules(self._policy(config), config.observe, Ties(tag_keys(config), tags.header, tags.lifetime))

    # -- while it runs --

    def spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        """Do it beside everything else, until it ends or all is stopped."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_in_step(self) -> None:
        while True:
            await asyncio.sleep(KEEP_IN_STEP_EVERY)
            try:
                await self._desk.keep_in_step()
            except Exception as error:  # a fault here must not end the loop that lifts blocks
                log.internal_error("keep_in_step", error)
            notify_systemd("WATCHDOG=1")

    def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _close_pool(self) -> None:
        """Whichever it is by then: a reload replaces it."""
        await self.pool.close()
