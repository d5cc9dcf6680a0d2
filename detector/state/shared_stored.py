"""Profiles as they stand in the shared state, for people and programs beside the server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from detector.config.shared import SharedState
from detector.ports import Refused, Secret
from detector.state.shared_client import Client, open_client
from detector.state.shared_known import PREFIX, TOKEN_BYTES, account_of, key_of
from detector.state.shared_reading import asked, scan, values
from detector.state.shared_words import SEAL_KEY, SEAL_OCTETS
from detector.traffic.packing import unpack
from detector.traffic.profile import Profile

T = TypeVar("T")

FIRST_ANSWER = 3.0
"""Seconds for a connection and its first answer: somebody sits at the keyboard, and has more to do than to wait."""


@dataclass(frozen=True, slots=True)
class Server:
    """What a server tells of itself."""

    version: str
    saves: bool
    used_bytes: int
    most_bytes: int
    when_full: str


@dataclass(frozen=True, slots=True)
class Look:
    """What is there; `seal` is that of the key of hashes by which it is used, None where nobody uses it yet."""

    servers: tuple[Server, ...]
    clustered: bool
    seal: bytes | None


class StoredThere:
    """As `StoredProfiles` says. Each question makes a connection of its own; none is asked in an event loop."""

    def __init__(self, shared: SharedState, secret: Secret | None) -> None:
        self._shared = shared
        self._secret = secret

    def read(self, account: str) -> Profile | None:
        with self._connected() as (client, wait):
            value: bytes | None = wait(asked(client.ask("GET", key_of(account))))
        if not value:
            return None
        try:
            return unpack(value[TOKEN_BYTES:])
        except ValueError as error:
            msg = f"the profile of {account} is damaged: {error}"
            raise Refused(msg) from error

    def rows(self) -> Iterator[tuple[str, Profile]]:
        seen: set[bytes] = set()
        with self._connected() as (client, wait):
            batches = values(client, PREFIX)
            while (batch := wait(anext(batches, None))) is not None:
                for key, value in batch:
                    if key in seen:
                        continue
                    seen.add(key)
                    profile = Profile()
                    with suppress(ValueError):
                        profile = unpack(value[TOKEN_BYTES:])
                    yield account_of(key), profile

    def accounts(self) -> list[str]:
        found: set[str] = set()
        with self._connected() as (client, wait):
            batches = scan(client, PREFIX)
            while (keys := wait(anext(batches, None))) is not None:
                found.update(map(account_of, keys))
        return sorted(found)

    def written_at(self) -> float | None:
        return None

    def look(self) -> Look:
        """Whether it can be used. Changes nothing."""
        with self._connected() as (client, wait):
            servers = [wait(asked(client.ask("INFO", node=node))) for node in wait(asked(client.nodes()))]
            seal = wait(asked(client.ask("GET", SEAL_KEY)))
        return Look(tuple(map(_server, servers)), client.clustered, seal and seal[:SEAL_OCTETS])

    @contextmanager
    def _connected(self) -> Iterator[tuple[Client, Callable[[Awaitable[T]], T]]]:
        with asyncio.Runner() as runner:
            client = open_client(self._shared, self._secret)
            try:
                # Whether it is there at all: it may take its time for what is asked then.
                runner.run(_await(asked(client.ask("GET", SEAL_KEY), FIRST_ANSWER)))
                yield client, lambda question: runner.run(_await(question))
            finally:
                runner.run(client.aclose())


def _server(told: Mapping[str, Any]) -> Server:
    version = str(told.get("valkey_version") or told.get("redis_version", "unknown"))
    used, most = int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
    return Server(version, bool(told.get("aof_enabled")), used, most, str(told.get("maxmemory_policy", "")))


async def _await(question: Awaitable[T]) -> T:
    return await question
