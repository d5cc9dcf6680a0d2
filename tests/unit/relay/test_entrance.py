"""Who begins, and when, of connections that are opened together."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from detector.relay.entrance import IN_A_TURN, Entrance, Newcomer
from tests.support.stores import eventually

CROWD = 5 * IN_A_TURN
ONE, OTHER = "192.0.2.1", "192.0.2.2"


class Begun(asyncio.Protocol):
    """A session that notes what it hears."""

    def __init__(self) -> None:
        self.peer = ""
        self.heard = b""
        self.stream: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.stream = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data


class Place:
    """An entrance with real connections before it."""

    def __init__(self, may_wait: Callable[[Newcomer, int], bool]) -> None:
        self.sessions: list[Begun] = []
        self.clients: list[socket.socket] = []
        self.entrance = Entrance(asyncio.get_running_loop(), self._session, may_wait)

    def _session(self) -> Begun:
        self.sessions.append(Begun())
        return self.sessions[-1]

    @property
    def begun(self) -> list[str]:
        return [session.peer for session in self.sessions]

    async def connect(self, *peers: str) -> list[Newcomer]:
        """All in one turn of the event loop."""
        transports = []
        for _ in peers:
            client, ours = socket.socketpair()
            self.clients.append(client)
            transports.append((await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours))[0])
        newcomers = []
        for peer, transport in zip(peers, transports, strict=True):
            newcomers.append(self.entrance.newcomer())
            newcomers[-1].peer = peer
            transport.set_protocol(newcomers[-1])
            newcomers[-1].connection_made(transport)
        return newcomers


@asynccontextmanager
async def place(may_wait: Callable[[Newcomer, int], bool] = lambda _, __: True) -> AsyncIterator[Place]:
    made = Place(may_wait)
    try:
        yield made
    finally:
        for client in made.clients:
            client.close()


async def test_a_few_begin_at_once_and_the_others_in_later_turns() -> None:
    async with place() as here:
        await here.connect(*[ONE] * CROWD)
        for turns in range(1, 6):
            assert len(here.begun) == turns * IN_A_TURN
            await asyncio.sleep(0)


async def test_another_address_does_not_wait_for_a_crowd() -> None:
    async with place() as here:
        await here.connect(*[ONE] * CROWD, OTHER)
        await eventually(lambda: len(here.begun) == CROWD + 1, "all have begun")
        assert here.begun.index(OTHER) < 2 * IN_A_TURN


async def test_nobody_waits_for_a_crowd_that_has_begun() -> None:
    async with place() as here:
        await here.connect(*[ONE] * CROWD)
        await eventually(lambda: len(here.begun) == CROWD, "all have begun")
        await asyncio.sleep(0)
        await here.connect(OTHER)
        assert here.begun[-1] == OTHER


async def test_what_a_client_says_before_its_turn_is_heard_in_its_turn() -> None:
    async with place() as here:
        loop = asyncio.get_running_loop()
        waiting = (await here.connect(*[ONE] * CROWD))[-1]
        here.clients[-1].sendall(b"EHLO pc.example\r\n")
        waiting.data_received(b"early ")
        assert not waiting.transport.is_reading()
        await eventually(lambda: len(here.begun) == CROWD, "all have begun")
        await eventually(lambda: here.sessions[-1].heard == b"early EHLO pc.example\r\n", "all is heard")
        await loop.sock_sendall(_unblocked(here.clients[-1]), b"QUIT\r\n")
        await eventually(lambda: here.sessions[-1].heard.endswith(b"QUIT\r\n"), "it goes on")


def _unblocked(client: socket.socket) -> socket.socket:
    client.setblocking(False)
    return client


async def test_who_has_gone_before_its_turn_begins_nothing() -> None:
    async with place() as here:
        waiting = (await here.connect(*[ONE] * CROWD, OTHER))[-2]
        waiting.transport.abort()
        await eventually(lambda: len(here.begun) == CROWD, "all others have begun")
        assert here.begun.count(OTHER) == 1


async def test_who_may_not_wait_begins_at_once() -> None:
    async with place(lambda _, behind: behind < IN_A_TURN) as here:
        await here.connect(*[ONE] * CROWD)
        assert len(here.begun) == CROWD - IN_A_TURN


async def test_at_the_end_nobody_is_left_waiting() -> None:
    async with place() as here:
        await here.connect(*[ONE] * CROWD, OTHER)
        here.entrance.close()
        assert sorted(here.begun) == [ONE] * CROWD + [OTHER]
