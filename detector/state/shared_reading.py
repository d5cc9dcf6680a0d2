"""Looks through everything of a kind that the shared state has: for lists, erasures, and people at the keyboard."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

from valkey.exceptions import ValkeyError

from detector.state.shared_client import Client
from detector.state.shared_link import Away

T = TypeVar("T")

TOGETHER = 1000
"""Keys that the server looks at in one go: it answers nobody else meanwhile, for about a millisecond."""
PATIENCE = 10.0
"""Seconds for one of these."""


async def scan(client: Client, prefix: bytes) -> AsyncIterator[list[bytes]]:
    """All keys that begin so, some at a time; one that is changed meanwhile may come twice. Raises `Away`.

    The server looks through everything that it has: about a second for each million keys of any kind.
    """
    for node in await asked(client.nodes()):
        cursor = 0
        while True:
            command = ("SCAN", cursor, "MATCH", prefix + b"*", "COUNT", TOGETHER)
            cursor, keys = await asked(client.ask(*command, node=node))
            yield [bytes(key) for key in keys]
            if not cursor:
                break


async def values(client: Client, prefix: bytes) -> AsyncIterator[list[tuple[bytes, bytes]]]:
    """All of them with their values, as in `scan`. Raises `Away`."""
    async for keys in scan(client, prefix):
        found = await asked(client.run([("GET", key) for key in keys])) if keys else []
        # It may have expired in between.
        yield [(key, value) for key, value in zip(keys, found, strict=True) if isinstance(value, bytes)]


async def asked(question: Awaitable[T], patience: float | None = None) -> T:
    """Raises `Away`, after `PATIENCE` seconds unless told otherwise."""
    patience = PATIENCE if patience is None else patience
    try:
        async with asyncio.timeout(patience):
            return await question
    except TimeoutError as error:
        msg = f"state.url: no answer within {patience:g} s"
        raise Away(msg) from error
    except (ValkeyError, OSError) as error:
        msg = f"state.url: {type(error).__name__}: {error}"
        raise Away(msg) from error
