"""Who comes at the same moment goes on together: what one has brought into the processor's caches serves the others.

To read and judge a message touches so much code that little of it is still at hand for the next one if others are
asked, answered and written to in between. Where twenty connections send as fast as they can, a message of 2 KB costs
40 of 560 microseconds less when they go through each stage one after the other.
"""

import asyncio

TURNS = 2
"""Of the event loop without a newcomer: then all are there that come together. An idle loop makes them in microseconds.
A client's octets are read in one turn, and understood in the next."""
MOST = 16
"""With so many nobody else is waited for: to read them takes some milliseconds, and each waits for all before it."""


class Together:
    """One stage of the way. Nobody who comes alone waits longer than `TURNS`."""

    def __init__(self) -> None:
        self._present = self._seen = self._turns_left = 0
        self._waiting: list[asyncio.Future[None]] = []

    def come(self) -> None:
        """Be one more, without waiting for the others."""
        self._present += 1
        if self._present == 1:
            self._seen, self._turns_left = 1, TURNS
            asyncio.get_running_loop().call_soon(self._look)

    async def gather(self) -> None:
        """Come, and return when all are there."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        self.come()
        await mine

    def _look(self) -> None:
        self._turns_left = TURNS if self._present > self._seen else self._turns_left - 1
        self._seen = self._present
        if self._turns_left and self._present < MOST:
            asyncio.get_running_loop().call_soon(self._look)
            return
        waiting, self._waiting, self._present = self._waiting, [], 0
        for one in waiting:
            if not one.done():  # else its session has ended
                one.set_result(None)
