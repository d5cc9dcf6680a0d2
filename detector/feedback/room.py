"""Everything that brings feedback to accounts in one process: logs, the door, Maildirs, and the effect of all three."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from detector import log
from detector.config import Config
from detector.feedback.address_blocks import AddressBlocks, Announce
from detector.feedback.build import Following
from detector.feedback.door import Door
from detector.feedback.effect import Effect
from detector.feedback.intake import Intake
from detector.feedback.maildir import MaildirReader, Spool
from detector.mail.address import Address
from detector.metrics import Metrics
from detector.ports import Clock, Desk, HandedOver, ProfileStore
from detector.records.book import Book
from detector.reports.ties import Ties
from detector.state.heard import Heard
from detector.verdict.policy import Policy

LOOK_EVERY = 10.0
"""Seconds between two looks whether our address is blocked."""

TIDY_EVERY = 3600.0
KEEP_UNREAD = 604_800.0
"""Seconds for which a report on which we failed waits for somebody to look at it."""


@dataclass(frozen=True, slots=True)
class House:
    """What feedback works with, and shares with others."""

    profiles: ProfileStore
    handed_over: HandedOver
    heard: Heard
    book: Book
    desk: Desk
    announce: Announce
    metrics: Metrics
    clock: Clock
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Rules:
    """By what answers are judged and reports are tied; they follow each reload."""

    policy: Policy
    observe: bool
    ties: Ties


@dataclass(slots=True)
class FeedbackRoom:
    """Runs between `start` and `stop`; `start` it before the first mail."""

    config: Config
    house: House
    rules: Rules
    tls: ssl.SSLContext | None = None
    _effect: Effect = field(init=False)
    _blocks: AddressBlocks = field(init=False)
    _intake: Intake = field(init=False)
    _following: Following = field(init=False)
    _door: Door = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        house, rules, config = self.house, self.rules, self.config
        key, metrics, clock = rules.policy.recipient_key, house.metrics, house.clock
        self._blocks = AddressBlocks(house.profiles, house.book, house.announce, metrics, clock, rules.policy)
        self._effect = Effect(
            house.profiles,
            house.heard,
            house.book,
            house.desk,
            metrics,
            clock,
            rules.policy,
            rules.observe,
            self._blocks.notice,
        )
        self._intake = Intake(rules.ties, house.handed_over, self._effect, key, metrics, clock)
        self._following = Following(config, house.handed_over, self._effect, key, metrics, clock)
        feedback = config.feedback
        self._door = Door(
            feedback.listen,
            frozenset(Address.parse(address).key for address in feedback.addresses),
            feedback.clients,
            config.relay.hostname,
            Spool(config.reports_directory),
            self._name,
            metrics,
            self.tls,
            lambda address: self._intake.ties.is_tagged(address, clock()),
        )

    async def start(self) -> None:
        """Raises `ConfigError`, `Temporary` or `OSError`."""
        await self._effect.restore()
        await asyncio.to_thread(self._door.spool.make)
        take, metrics = self._intake.take, self.house.metrics
        own = MaildirReader(self._door.spool.directory, take, metrics, own=True)
        others = [MaildirReader(maildir.path, take, metrics) for maildir in self.config.feedback.maildirs]
        self._spawn(self._look(), self._tidy(), *(reader.run() for reader in (own, *others)))
        await self._following.start()
        await self._door.start()

    def follow(self, rules: Rules) -> None:
        """Judge by these from now on."""
        self._effect.policy, self._effect.observe = rules.policy, rules.observe
        self._blocks.policy = rules.policy
        self._intake.ties = rules.ties

    async def stop(self) -> None:
        await self._door.stop()
        await self._following.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, *works: Coroutine[object, object, None]) -> None:
        self._tasks += [asyncio.get_running_loop().create_task(work) for work in works]

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._blocks.look()
            except Exception as error:  # a fault here must not end the looking
                log.internal_error("address_blocks", error)

    async def _tidy(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.tidy, self.house.clock())
            except Exception as error:  # a full disk must not end the tidying
                log.internal_error("tidy feedback", error)
            await asyncio.sleep(TIDY_EVERY)

    def tidy(self, now: float) -> None:
        """Keep nothing longer than is promised. Blocks; raises `Temporary` or `OSError`."""
        self.house.heard.tidy(now)
        self._door.spool.tidy(now - KEEP_UNREAD)

    def _name(self) -> str:
        """Of a report that waits: in the order in which they came."""
        return f"{self.house.clock():.6f}.{self.house.new_id()}"
