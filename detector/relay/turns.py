"""Who has many commands at once waits for the others of his address, not they for him and everybody for both."""

import asyncio
from collections import deque


class Turns:
    """In each turn of the event loop one session of each address goes on, in the order in which they came."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def wait(self, peer: str) -> None:
        mine = self._loop.create_future()
        waiting = self._waiting.get(peer)
        if waiting is None:
            waiting = self._waiting[peer] = deque()
            self._loop.call_soon(self._next, peer)
        waiting.append(mine)
        await mine

    def _next(self, peer: str) -> None:
        waiting = self._waiting[peer]
        while waiting:
            one = waiting.popleft()
            if not one.done():  # else its session has ended
                one.set_result(None)
                break
        if waiting:
            self._loop.call_soon(self._next, peer)
        else:
            del self._waiting[peer]
