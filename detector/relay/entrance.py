"""New connections have turns: of those that are opened together only a few begin before others are served again.

To begin a session costs as much as several commands, and the system hands over all connections that wait at once: for
ten thousand of one address everybody else would wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from detector.relay.behind_proxy import Spoken

IN_A_TURN = 4
"""Sessions that begin in one turn of the event loop; together they cost about what one message does."""


class Newcomer(asyncio.Protocol):
    """A connection until its session begins."""

    def __init__(self, entrance: "Entrance") -> None:
        self.peer = ""
        self.transport: asyncio.Transport
        self._entrance = entrance
        self._session: Spoken | None = None
        self._octets = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self.peer = self.peer or (transport.get_extra_info("peername") or ("",))[0]
        self._entrance.come(self)

    def data_received(self, data: bytes) -> None:
        if self._session is not None:  # what came behind the header of a proxy
            self._session.data_received(data)
        else:
            self._octets += data
            self.transport.pause_reading()

    def begin(self, session: Spoken) -> None:
        """Its turn has come: the session takes over, and hears what was said too early."""
        session.peer, self._session = self.peer, session
        self.transport.set_protocol(cast("asyncio.BaseProtocol", session))
        session.connection_made(self.transport)
        if self._octets:
            session.data_received(self._octets)
            self.transport.resume_reading()


class Entrance:
    """Each address has its own queue; the queues take turns."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, session: Callable[[], Spoken], may_wait: Callable[[Newcomer, int], bool]
    ) -> None:
        """`may_wait`: whether this one may wait behind so many others of its address; else it begins at once."""
        self._loop = loop
        self._session = session
        self._may_wait = may_wait
        self._waiting: dict[str, deque[Newcomer]] = {}
        self._begun = 0
        self._in_a_turn = False

    def newcomer(self) -> Newcomer:
        """The protocol for a new connection."""
        return Newcomer(self)

    def come(self, newcomer: Newcomer) -> None:
        """It begins now, or waits for its turn."""
        if not self._in_a_turn:
            self._in_a_turn = True
            self._loop.call_soon(self._next_turn)
        if self._begun < IN_A_TURN and not self._waiting:
            self._begin(newcomer)
            return
        before = self._waiting.get(newcomer.peer, ())
        if not self._may_wait(newcomer, len(before)):
            self._begin(newcomer)
        elif isinstance(before, deque):
            before.append(newcomer)
        else:
            self._waiting[newcomer.peer] = deque([newcomer])

    def close(self) -> None:
        """Nobody waits any more."""
        while self._waiting:
            self._begin(self._next())

    def _next_turn(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < IN_A_TURN:
            self._begin(self._next())
        self._in_a_turn = self._begun > 0
        if self._in_a_turn:
            self._loop.call_soon(self._next_turn)

    def _next(self) -> Newcomer:
        peer = next(iter(self._waiting))
        waiting = self._waiting.pop(peer)
        newcomer = waiting.popleft()
        if waiting:
            self._waiting[peer] = waiting  # behind all other addresses
        return newcomer

    def _begin(self, newcomer: Newcomer) -> None:
        if not newcomer.transport.is_closing():
            self._begun += 1
            newcomer.begin(self._session())
