"""Reads profiles of the shared state without changing them: for lists, and for people at the keyboard."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from valkey.exceptions import ValkeyError

from detector.state.shared_client import Client
from detector.state.shared_known import PREFIX, account_of
from detector.state.shared_link import Away

TOGETHER = 1000
"""Keys that the server looks at in one go: it answers nobody else meanwhile, for about a millisecond."""
PATIENCE = 10.0
"""Seconds for one of these."""


async def scan(client: Client) -> AsyncIterator[list[str]]:
    """All accounts, some at a time; one that is changed meanwhile may come twice. Raises `Away`."""
    for node in await asked(client.nodes()):
        cursor = 0
        while True:
            command = ("SCAN", cursor, "MATCH", PREFIX + b"*", "COUNT", TOGETHER)
            cursor, keys = await asked(client.ask(*command, **node))
            yield [account_of(bytes(key)) for key in keys]
            if not cursor:
                break


async def asked(question: Any) -> Any:
    try:
        async with asyncio.timeout(PATIENCE):
            return await question
    except (ValkeyError, OSError) as error:  # TimeoutError is one
        msg = f"state.url: {type(error).__name__}: {error}"
        raise Away(msg) from error
