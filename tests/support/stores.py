"""Opens stores for tests that open and close them: those of one process, and those that many processes share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from detector.config.shared import SharedState
from detector.metrics import Metrics
from detector.state.shared_client import open_client
from detector.state.shared_link import Link
from tests.support.ports import PATIENCE

S = TypeVar("S")

Close = Callable[[], Awaitable[None]]
KEY = b"key of hashes"
TIMEOUT = 20.0
"""Seconds: for tests in which the server answers, on whatever machine. Some questions have a quarter of it."""


class Opener(Generic[S]):
    """Call it for a store. What is still open in the end is closed by `close_all`."""

    def __init__(self, open_one: Callable[[], Awaitable[tuple[S, Close]]]) -> None:
        self._open_one = open_one
        self._open: list[tuple[S, Close]] = []

    async def __call__(self) -> S:
        self._open.append(await self._open_one())
        return self._open[-1][0]

    async def close(self, store: S) -> None:
        for opened in [opened for opened in self._open if opened[0] is store]:
            self._open.remove(opened)
            await opened[1]()

    async def close_all(self) -> None:
        while self._open:
            await self._open.pop()[1]()


def in_thread(close: Callable[[], None]) -> Close:
    """For a store whose `close` blocks."""
    return lambda: asyncio.to_thread(close)


async def linked(url: str, metrics: Metrics | None = None, **others: Any) -> Link:
    """A link to the server at `url`; stop it afterwards. `others` are those of its section, and `secret`."""
    secret = others.pop("secret", None)
    shared = SharedState(url=url, **{"timeout": TIMEOUT, **others})
    degraded = (metrics or Metrics("test")).state_degraded.labels("shared")
    link = Link(lambda: open_client(shared, secret), KEY, shared.timeout, degraded)
    await link.start()
    return link


async def eventually(condition: Callable[[], object], what: str) -> None:
    """Let others work until it holds. Raises `TimeoutError` naming `what` when `PATIENCE` is at its end."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - what it waits for has no event of its own
                await asyncio.sleep(0.005)
    except TimeoutError as error:
        msg = f"not within {PATIENCE:g} s: {what}"
        raise TimeoutError(msg) from error
