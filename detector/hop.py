"""The way of each message through one process: who is it, what do we think of it, and on to the next hop."""

import asyncio
from dataclasses import dataclass, field

from detector.config import Config
from detector.config.policy_version import policy_version
from detector.content.reader import Reader
from detector.listeners import Listeners
from detector.memory import Memory, new_id
from detector.models import load_content, load_prior
from detector.ports import Desk
from detector.relay.assess import Assessor
from detector.relay.contents import Contents
from detector.relay.draft import Hold
from detector.relay.gate import Gate
from detector.relay.headcount import Headcount
from detector.relay.identity import build_sources, headers_to_strip, needs_header
from detector.relay.policy_service import PolicyService
from detector.relay.pool import Pool
from detector.relay.route import Route
from detector.relay.server import Server
from detector.relay.settler import Settler
from detector.relay.tagging import build_tagger
from detector.state.usual import UsualFile
from detector.tasks import Tasks
from detector.tls import relay_context
from detector.verdict.policy import Policy


@dataclass(slots=True)
class Hop:
    """`build` it, then `listen`; `follow` each new configuration.

    `learns`: what the text model has learned of clean mail is kept in the state directory. One process does it there.
    """

    memory: Memory
    desk: Desk
    hold: Hold
    tasks: Tasks
    learns: bool = True
    config: Config = field(init=False)
    route: Route = field(init=False)
    server: Server | None = field(init=False, default=None)
    _contents: Contents = field(init=False)
    _content_version: str = field(init=False)
    _settling: Tasks = field(init=False, default_factory=Tasks)

    def build(self) -> None:
        """Raises `ConfigError`, `ModelError` or `OSError`."""
        self.config = self.memory.config
        self._build_contents()
        self.route = self._route(self.config)
        self.memory.stack.push_async_callback(self._settling.ended)
        self.memory.stack.push_async_callback(self._close_pool)

    async def listen(self, listeners: Listeners, headcount: Headcount) -> list[str]:
        """Hear of logins, and take mail, at these addresses. Raises `OSError` when one cannot be bound."""
        memory = self.memory
        policy_service = PolicyService(self.config.policy_service, memory.stores.joins, memory.metrics, memory.clock)
        await policy_service.start(listeners)
        memory.stack.push_async_callback(policy_service.stop)
        tls = relay_context(self.config.relay.tls)
        self.server = Server(self.config, self.route, tls, new_id, headcount)
        self.memory.stack.push_async_callback(self.server.stop)
        await self.server.start(listeners)
        return [f"{host}:{port}" for host, port in self.server.addresses]

    async def follow(self, config: Config) -> None:
        """Take it over with its certificates and models. Raises as `build`; then everything is as it was."""
        tls = relay_context(config.relay.tls)
        old, self.route, self.config = self.route, self._route(config), config
        if self.server is not None:
            self.server.reconfigure(config, self.route, tls)
        await old.pool.retire()

    def policy(self, config: Config) -> Policy:
        """By what accounts are judged."""
        priors, ledger_version = load_prior()
        return Policy(
            recipient_key=self.memory.key,
            priors=priors,
            model_version=f"{ledger_version}, {self._content_version}",
            policy_version=policy_version(config),
            **config.judging.model_dump(),
        )

    def _build_contents(self) -> None:
        """What reads messages, with what it has learned; the text model stays the same until the process ends."""
        memory = self.memory
        model, shipped, self._content_version = load_content()
        usual = UsualFile(
            memory.config.state.directory / "text-usual.bin", self._content_version, shipped, memory.metrics
        )
        reader = Reader(model, usual.load())
        if self.learns:
            memory.stack.push_async_callback(asyncio.to_thread, lambda: usual.save(reader.usual))
            self.tasks.spawn(usual.keep(lambda: reader.usual))
        self._contents = Contents(reader, memory.stores.campaigns, memory.metrics, memory.clock)

    def _route(self, config: Config) -> Route:
        memory, limits, tagger = self.memory, config.relay.limits, build_tagger(config)
        policy = self.policy(config)
        settler = Settler(
            config=config,
            profiles=memory.stores.profiles,
            policy=policy,
            contents=self._contents,
            handed_over=memory.stores.handed_over,
            metrics=memory.metrics,
            clock=memory.clock,
            tasks=self._settling,
        )
        assessor = Assessor(
            config=config,
            sources=build_sources(config, memory.stores.joins),
            needs_header=needs_header(config),
            profiles=memory.stores.profiles,
            gate=Gate(config, memory.book, memory.metrics, memory.clock),
            desk=self.desk,
            policy=policy,
            contents=self._contents,
            settler=settler,
            metrics=memory.metrics,
            clock=memory.clock,
            stopwatch=memory.stopwatch,
        )
        return Route(
            pool=Pool(config.next_hop, config.relay.hostname, memory.metrics),
            hold=self.hold,
            assessor=assessor,
            metrics=memory.metrics,
            strip=headers_to_strip(config) | tagger.strips,
            size_limit_bytes=limits.message_size_bytes,
            recipients_limit=limits.recipients_per_transaction,
            tagger=tagger,
        )

    async def _close_pool(self) -> None:
        """Whichever it is by then: a new configuration replaces it."""
        await self.route.pool.close()
