"""What is done beside the mail: containments, decisions of people, what comes back, held mail, and upkeep."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from detector import log
from detector.config import Config
from detector.config.database import is_shared
from detector.feedback.room import FeedbackRoom, House, Rules
from detector.hop import Hop
from detector.memory import Memory, new_id
from detector.relay.held_room import HeldRoom
from detector.relay.tagging import tag_keys
from detector.reports.ties import Ties
from detector.response.decisions import Decisions
from detector.response.desk import Desk
from detector.response.engine import LOCAL
from detector.response.providers import build
from detector.response.tools import Tools
from detector.response.upkeep import Upkeep
from detector.response.workflow import Containment
from detector.roll import Roll
from detector.tasks import Tasks, called
from detector.tls import server_context

KEEP_IN_STEP_EVERY = 1.0


@dataclass(slots=True)
class Office:
    """One for each state directory: `open` it, `begin` before the first mail, `contain` as soon as it may come.

    Then `follow` each new configuration.
    After each look at what people decided `taken_over` is called, in a thread; `beat` about once a second.
    """

    memory: Memory
    tasks: Tasks
    taken_over: Callable[[], None]
    beat: Callable[[], None]
    desk: Desk = field(init=False)
    decisions: Decisions = field(init=False)
    held: HeldRoom = field(init=False)
    _containment: Containment = field(init=False)
    _wake: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _feedback: FeedbackRoom = field(init=False)

    async def open(self) -> None:
        """Learn who is blocked. Raises `ConfigError`, `Temporary` or `OSError`."""
        memory, config, stack = self.memory, self.memory.config, self.memory.stack
        providers = build(config.response, config.next_hop, config.relay.hostname, memory.clock, config.state.directory)
        tools = Tools(memory.records, providers, config.response, memory.clock, memory.metrics)
        containment = Containment(config.workflow_url, tools, new_id() if is_shared(config.workflow_url) else LOCAL)
        await asyncio.to_thread(containment.start)
        stack.push_async_callback(asyncio.to_thread, containment.stop)
        self._containment = containment
        stores = memory.stores
        parts = memory.records, memory.book, memory.clock, memory.metrics, new_id, containment.open, stores.news
        self.desk = Desk(*parts, patience=config.patience)
        forget = stores.heard.forget, stores.handed_over.forget
        self.decisions = Decisions(memory.records, self.desk, stores.profiles, self._changed, *forget, stores.decided)
        await self.decisions.start()
        stack.callback(self.tasks.cancel)
        self.tasks.spawn(self._keep_in_step())
        self.tasks.spawn(self.desk.listen())
        self.tasks.spawn(self.decisions.keep_forgetting())
        upkeep = Upkeep(memory.records, stores.profiles, config, memory.clock, memory.metrics, stores.tidy)
        self.tasks.spawn(upkeep.keep())
        self.held = await asyncio.to_thread(HeldRoom, config, memory.records, memory.metrics, memory.clock, new_id)

    async def begin(self, hop: Hop) -> None:
        """What comes back is learned first: a crash may have taken some of it. Raises as `open`."""
        memory, config, stores = self.memory, self.memory.config, self.memory.stores
        house = House(
            stores.profiles,
            stores.handed_over,
            stores.heard,
            memory.book,
            self.desk,
            self._containment.announce,
            memory.metrics,
            memory.clock,
            new_id,
        )
        self._feedback = FeedbackRoom(config, house, self._rules(config, hop), server_context(config.relay.tls))
        memory.stack.push_async_callback(self._feedback.stop)
        await self._feedback.start()
        memory.stack.push_async_callback(self.held.stop)
        await self.held.start(alone=not Roll(config.state.directory).anybody())
        self.held.follow(hop.route)

    def contain(self) -> None:
        """Mail is taken: what it asks for is done from now on, and what a crash has cut off."""
        self._containment.begin()

    def follow(self, config: Config, hop: Hop) -> None:
        """The hop follows it already."""
        self._feedback.follow(self._rules(config, hop))
        self.held.follow(hop.route)

    def incident_opened(self, incident_id: str) -> None:
        """Another process has opened it: look now."""
        self._containment.open(incident_id)
        self._wake.set()

    def _rules(self, config: Config, hop: Hop) -> Rules:
        tags = config.feedback.tags
        return Rules(hop.policy(config), config.observe, Ties(tag_keys(config), tags.header, tags.lifetime))

    def _changed(self) -> None:
        self.taken_over()
        self._containment.open()

    async def _keep_in_step(self) -> None:
        while True:
            await called(self._wake, KEEP_IN_STEP_EVERY)
            try:
                await self.decisions.look()
            except Exception as error:  # a fault here must not end the loop that lifts blocks
                log.internal_error("keep_in_step", error)
            self.beat()
