"""New connections have turns: of those that are opened together only a few begin before others are served again.

To begin a session costs as much as several commands, and ten thousand of one address may be opened at once. Who may not
stay is told so before a session begins, which costs a tenth.
"""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, cast

from detector import log
from detector.config import HostPort, Network
from detector.listeners import Listener, Listeners
from detector.metrics import Metrics
from detector.relay.behind_proxy import BehindProxy, ProxyDoor, Spoken
from detector.relay.hosts import allowed

IN_A_TURN = 2
"""Sessions that begin in one turn of the event loop. That is as many as it can serve: who is served makes turns longer,
and a message takes a dozen of them."""

Refusal = Callable[[str | None, int], bytes | None]
"""What a client hears who may not stay, by its address, None as long as a proxy has not said it, and its descriptor;
None for all others."""


class Newcomer(Protocol):
    """A connection whose session is still to begin."""

    def begin(self, session: Spoken) -> None: ...

    def dismiss(self, octets: bytes) -> None:
        """Say no more than this."""


class Accepted:
    """As it came: what it says waits in the kernel."""

    def __init__(self, connection: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self.connection = connection
        self._loop = loop
        self._taking: Coroutine[Any, Any, object]

    def begin(self, session: Spoken) -> None:
        self.connection.setblocking(False)
        self._taking = self._loop.connect_accepted_socket(
            lambda: cast("asyncio.BaseProtocol", session), self.connection
        )
        self._take()

    def _take(self, _: object = None) -> None:
        """As far as it comes without waiting. A task for each connection would cost a tenth of its beginning."""
        try:
            self._taking.send(None).add_done_callback(self._take)
        except StopIteration:  # the session has it
            return
        except OSError:  # it has gone before it was here
            self.connection.close()

    def dismiss(self, octets: bytes) -> None:
        with contextlib.suppress(OSError):  # it has gone
            self.connection.send(octets)
        self.connection.close()


class Entrance:
    """Where clients come in. Each address has its own queue; the queues take turns."""

    def __init__(self, session: Callable[[], Spoken], refusal: Refusal, metrics: Metrics) -> None:
        self.proxies: tuple[Network, ...] = ()
        """Who must say for whom they connect."""
        self._loop = asyncio.get_running_loop()
        self._session = session
        self._refusal = refusal
        self._door = ProxyDoor(metrics)
        self._listeners: list[Listener] = []
        self._waiting: dict[str, deque[Newcomer]] = {}
        self._begun = 0
        self._in_a_turn = False

    async def listen(self, listeners: Listeners, addresses: Sequence[HostPort]) -> None:
        """Raises `OSError` when an address cannot be bound; those before it are."""
        for address in addresses:
            self._listeners += await listeners.listen(self._arrive, address)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens; the real ports, also for port 0."""
        return [listener.address for listener in self._listeners]

    def close(self, last_word: bytes = b"") -> None:
        """Nobody comes any more, and nobody waits any more."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self._door.close()
        while self._waiting:
            _, newcomer = self._next()
            newcomer.dismiss(last_word)

    def come(self, peer: str, newcomer: Newcomer) -> None:
        """It begins now, or waits for its turn."""
        if not self._in_a_turn:
            self._in_a_turn = True
            self._loop.call_soon(self._next_turn)
        if self._begun < IN_A_TURN and not self._waiting:
            self._begin(peer, newcomer)
        elif peer in self._waiting:
            self._waiting[peer].append(newcomer)
        else:
            self._waiting[peer] = deque([newcomer])

    def _arrive(self, connection: socket.socket, peer: str) -> bool:
        newcomer = Accepted(connection, self._loop)
        proxied = allowed(peer, self.proxies)
        refusal = self._refusal(None if proxied else peer, connection.fileno())
        if refusal is not None:
            newcomer.dismiss(refusal)
        elif proxied:
            newcomer.begin(BehindProxy(self._door, peer, self.come))
        else:
            self.come(peer, newcomer)
        return refusal is None

    def _next_turn(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < IN_A_TURN:
            self._begin(*self._next())
        self._in_a_turn = self._begun > 0
        if self._in_a_turn:
            self._loop.call_soon(self._next_turn)

    def _next(self) -> tuple[str, Newcomer]:
        peer = next(iter(self._waiting))
        waiting = self._waiting.pop(peer)
        newcomer = waiting.popleft()
        if waiting:
            self._waiting[peer] = waiting  # behind all other addresses
        return peer, newcomer

    def _begin(self, peer: str, newcomer: Newcomer) -> None:
        self._begun += 1
        try:
            session = self._session()
            session.peer = peer
            newcomer.begin(session)
        except Exception as error:  # anything at all: those behind it must have their turns
            log.internal_error("beginning a session", error)
            newcomer.dismiss(b"")
