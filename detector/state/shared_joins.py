"""Which login stands behind a message, where the policy service and the message may come to different processes."""

import asyncio
import contextlib
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial

from detector.mail.login import PolicyRequest
from detector.state.joins import MemoryJoins, Remembered, pack, unpack
from detector.state.shared_link import Away, Link
from detector.state.shared_words import key_of_parts
from detector.traffic.clock import latest

Here = Callable[[], Awaitable[PolicyRequest | None]]
"""Asks what this host knows."""

PREFIX = b"detector:login:"
MOST_UNTOLD = 10_000
"""Requests that only this host knows and that wait for the server to be back; all are in `local` anyway."""


class SharedJoins:
    """The `LoginJoin` of many processes. Each request is forgotten after `remember_time` seconds.

    While the server is away requests go to `local`, where the processes of this host find them; it is told of them when
    it is back. Lookups look there, too, for what it does not know.

    Mail of an account that is `blocked` comes again for days, and its login was told once: this host keeps it, so that
    such mail does not pass as that of nobody as soon as the server is away.
    """

    def __init__(
        self,
        link: Link,
        remember_time: float,
        local: MemoryJoins,
        blocked: Callable[[str], bool] = lambda _: False,
        patience: float = math.inf,
    ) -> None:
        """`patience`: the seconds that a command waits in all."""
        self._link = link
        self._remember_time = remember_time
        self._local = local
        self._blocked = blocked
        self._patience = min(link.timeout, patience) / 2  # the rest is for profiles, and for asking once more
        self._untold: OrderedDict[bytes, Remembered] = OrderedDict()
        self._newest = 0.0
        link.when_back.append(self._catch_up)

    @property
    def whole(self) -> bool:
        return self._link.up

    async def remember(self, request: PolicyRequest, now: float) -> None:
        """As in `MemoryJoins`: under the queue id, or else under the client."""
        self._newest = latest(self._newest, now)
        if not request.queue_id and not request.client_port:
            return
        parts: tuple[str, ...] = (request.host, request.queue_id)
        if not request.queue_id:
            parts = (request.host, request.client_address, request.client_port)
        remembered = Remembered(now, request)
        try:
            await self._tell(key_of_parts(PREFIX, *parts), remembered)
        except Away:
            self._untold[key_of_parts(PREFIX, *parts)] = remembered
            if len(self._untold) > MOST_UNTOLD:
                self._untold.popitem(last=False)
            await self._local.remember(request, now)
        else:
            self._local.correct(remembered)

    async def by_queue_id(self, host: str, queue_id: str) -> PolicyRequest | None:
        return await self._known(key_of_parts(PREFIX, host, queue_id), partial(self._local.by_queue_id, host, queue_id))

    async def by_client(self, host: str, client_address: str, client_port: str) -> PolicyRequest | None:
        here = partial(self._local.by_client, host, client_address, client_port)
        return await self._known(key_of_parts(PREFIX, host, client_address, client_port), here)

    async def _known(self, key: bytes, here: Here) -> PolicyRequest | None:
        """Raises `Away` for a question that was asked and not answered: a blocked account's mail would pass unseen."""
        unanswered = self._link.up  # otherwise it was told already that it is away
        found = None
        with contextlib.suppress(Away, TimeoutError):
            found = await self._find(key)
            unanswered = False
        found = found or await here()
        if found is None and unanswered:
            raise Away(f"no login within {self._patience:g} s")
        return found

    async def _find(self, key: bytes) -> PolicyRequest | None:
        if key in self._untold:
            return self._untold[key].request
        async with asyncio.timeout(self._patience):
            packed = await self._link.send("GET", key)
        remembered = _read(packed)
        if remembered is None or remembered.at < self._newest - self._remember_time:
            return None
        if self._blocked(remembered.request.account):
            self._local.keep(remembered)
        else:
            self._local.correct(remembered)
        return remembered.request

    async def _tell(self, key: bytes, remembered: Remembered) -> None:
        await self._link.send("SET", key, pack(remembered), "PX", max(1, int(self._remember_time * 1000)))

    async def _catch_up(self) -> None:
        """Raises `Away`."""
        while self._untold:
            key, remembered = next(iter(self._untold.items()))
            await self._tell(key, remembered)
            if self._untold.get(key) is remembered:
                del self._untold[key]


def _read(packed: bytes | None) -> Remembered | None:
    try:
        return unpack(packed) if packed else None
    except ValueError:  # of another version: as good as forgotten
        return None
