"""The stores of one process, as the configuration wants them: its own, or those that many processes share."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.config import Config
from detector.metrics import Metrics
from detector.ports import BlockNews, CampaignStore, Claims, HandedOver, LoginJoin, ProfileStore, Secret
from detector.state.campaigns import MemoryCampaigns
from detector.state.handed_over import MemoryHandedOver
from detector.state.heard import Heard
from detector.state.joins import MemoryJoins
from detector.state.profiles import MemoryProfiles

HANDED_OVER_EVERY = 0.05
"""Seconds: results of what a crash makes us forget here are lost, and many come within a second."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What is remembered of accounts and of messages.

    `tidy` are told the time once in a while: on this host nothing is kept longer than is promised, though nothing new
    comes.
    """

    profiles: ProfileStore
    joins: LoginJoin
    handed_over: HandedOver
    campaigns: CampaignStore
    heard: Heard
    news: BlockNews | None = None
    decided: Claims | None = None
    tidy: Sequence[Callable[[float], None]] = ()


@dataclass(frozen=True, slots=True)
class Builder:
    """`key` is the key of hashes. What is opened is closed by the `stack`. `blocked` says whether an account is.

    The stores wait for the disk as long as the configuration says that mail may, until the next start.
    """

    config: Config
    key: bytes
    metrics: Metrics
    stack: contextlib.AsyncExitStack
    blocked: Callable[[str], bool] = lambda _: False

    async def build(self, secret: Secret | None) -> Stores:
        """`secret` is the password of `state.url`. Raises `ConfigError` and `Temporary`."""
        if self.config.state.url:
            from detector.state.shared_build import share  # its client takes a moment to load, and few need it

            return await share(self, secret)
        profiles, joins, handed_over = self.profiles(), self.joins(), self.handed_over()
        tidy = joins.tidy, handed_over.tidy
        return Stores(profiles, joins, handed_over, self.campaigns(), self.heard(), tidy=tidy)

    def profiles(self) -> MemoryProfiles:
        state = self.config.state
        path = state.directory / "profiles.sqlite"
        patience = self.config.patience
        profiles = MemoryProfiles(path, state.write_every, state.accounts, self.metrics, patience=patience)
        self.closes(profiles.close)
        return profiles

    def joins(self) -> MemoryJoins:
        state, asked = self.config.state, self.config.policy_service
        path = state.directory / "joins.sqlite"
        remember = asked.remember_time, asked.remember_count
        joins = MemoryJoins(path, state.write_every, *remember, self.metrics, patience=self.config.patience)
        self.closes(joins.close)
        return joins

    def handed_over(self) -> MemoryHandedOver:
        state, back = self.config.state, self.config.feedback
        path, every = state.directory / "handed_over.sqlite", min(HANDED_OVER_EVERY, state.write_every)
        remember = back.remember_time, back.remember_count
        patience, alone = self.config.patience, not state.url
        handed_over = MemoryHandedOver(path, every, *remember, self.metrics, patience=patience, alone=alone)
        self.closes(handed_over.close)
        return handed_over

    def campaigns(self) -> MemoryCampaigns:
        state = self.config.state
        campaigns = MemoryCampaigns(state.directory / "campaigns.sqlite", state.write_every, self.key, self.metrics)
        self.closes(campaigns.close)
        return campaigns

    def heard(self) -> Heard:
        heard = Heard(self.heard_file, self.keep_marks)
        self.closes(heard.close)
        return heard

    @property
    def heard_file(self) -> Path:
        return self.config.state.directory / "heard.sqlite"

    @property
    def keep_marks(self) -> float:
        """Seconds: longer than a report can still be tied to its transaction."""
        return max(self.config.feedback.remember_time, self.config.feedback.tags.lifetime)

    def closes(self, close: Callable[[], None]) -> None:
        self.stack.push_async_callback(asyncio.to_thread, close)
