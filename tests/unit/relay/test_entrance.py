"""Who begins, and when, of connections that are opened together."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from detector import log
from detector.config import HostPort
from detector.listeners import Listeners
from detector.metrics import Metrics
from detector.relay.behind_proxy import Spoken
from detector.relay.entrance import IN_A_TURN, Entrance
from tests.support.ports import HOST
from tests.support.stores import eventually

CROWD = 5 * IN_A_TURN
ONE, OTHER = "192.0.2.1", "192.0.2.2"


class Begun(asyncio.Protocol):
    """A session that notes what it hears."""

    def __init__(self) -> None:
        self.peer = ""
        self.heard = b""
        self.gone = False

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True


class Waits:
    """A newcomer that notes what becomes of it."""

    def __init__(self) -> None:
        self.dismissed: bytes | None = None

    def begin(self, session: Spoken) -> None:
        """Nothing to take over."""

    def dismiss(self, octets: bytes) -> None:
        self.dismissed = octets


class Place:
    """An entrance that is open, and those who have come in."""

    def __init__(self) -> None:
        self.sessions: list[Begun] = []
        self.refused: bytes | None = None
        self.broken = 0
        self.asked: list[str | None] = []
        self.entrance = Entrance(self._session, self._refusal, Metrics("test"))

    def _session(self) -> Begun:
        if self.broken:
            self.broken -= 1
            raise MemoryError
        self.sessions.append(Begun())
        return self.sessions[-1]

    def _refusal(self, peer: str | None, descriptor: int) -> bytes | None:
        assert descriptor > 0
        self.asked.append(peer)
        return self.refused

    @property
    def begun(self) -> list[str]:
        return [session.peer for session in self.sessions]

    def come(self, *peers: str) -> list[Waits]:
        """All in one turn of the event loop."""
        newcomers = [Waits() for _ in peers]
        for peer, newcomer in zip(peers, newcomers, strict=True):
            self.entrance.come(peer, newcomer)
        return newcomers

    def connect(self) -> socket.socket:
        return socket.create_connection(self.entrance.addresses[0])


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    made = Place()
    await made.entrance.listen(Listeners(), [HostPort(host=HOST, port=0)])
    try:
        yield made
    finally:
        made.entrance.close()


async def test_a_few_begin_at_once_and_the_others_in_later_turns() -> None:
    async with place() as here:
        here.come(*[ONE] * CROWD)
        for turns in range(1, 6):
            assert len(here.begun) == turns * IN_A_TURN
            await asyncio.sleep(0)


async def test_another_address_does_not_wait_for_a_crowd() -> None:
    async with place() as here:
        here.come(*[ONE] * CROWD, OTHER)
        await eventually(lambda: len(here.begun) == CROWD + 1, "all have begun")
        assert here.begun.index(OTHER) < 2 * IN_A_TURN


async def test_nobody_waits_for_a_crowd_that_has_begun() -> None:
    async with place() as here:
        here.come(*[ONE] * CROWD)
        await eventually(lambda: len(here.begun) == CROWD, "all have begun")
        await asyncio.sleep(0)
        here.come(OTHER)
        assert here.begun[-1] == OTHER


async def test_what_a_client_says_before_its_session_begins_is_heard() -> None:
    async with place() as here:
        with here.connect() as client:
            client.sendall(b"EHLO pc.example\r\n")
            await eventually(lambda: here.sessions and here.sessions[0].heard == b"EHLO pc.example\r\n", "it is heard")
        assert here.begun == [HOST]
        await eventually(lambda: here.sessions[0].gone, "it has left")


async def test_who_has_gone_before_its_turn_does_no_harm() -> None:
    async with place() as here:
        for _ in range(CROWD):
            with here.connect() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset at the end
        with here.connect() as client:
            client.sendall(b"x")
            await eventually(lambda: any(session.heard == b"x" for session in here.sessions), "the next is served")


async def test_a_session_that_cannot_begin_keeps_nobody_else_waiting(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "error")
    async with place() as here:
        here.broken = IN_A_TURN + 1  # those of this turn, and one of those that wait
        newcomers = here.come(*[ONE] * CROWD)
        await eventually(lambda: len(here.begun) == CROWD - IN_A_TURN - 1, "the others have begun")
        dismissed = [one.dismissed is not None for one in newcomers]
        assert dismissed == [True] * (IN_A_TURN + 1) + [False] * (CROWD - IN_A_TURN - 1)
    assert capsys.readouterr().err.count("MemoryError") >= IN_A_TURN + 1


async def test_who_may_not_stay_hears_why_and_no_session_begins() -> None:
    async with place() as here:
        here.refused = b"421 full\r\n"
        for _ in range(CROWD):
            reader, writer = await asyncio.open_connection(*here.entrance.addresses[0])
            assert await reader.read() == b"421 full\r\n"
            writer.close()
        assert here.asked == [HOST] * CROWD
        assert here.sessions == []


async def test_at_the_end_those_who_wait_hear_the_last_word_and_nobody_is_let_in() -> None:
    async with place() as here:
        waiting = here.come(*[ONE] * CROWD, OTHER)[IN_A_TURN:]
        address = here.entrance.addresses[0]
        here.entrance.close(b"421 bye\r\n")
        assert {one.dismissed for one in waiting} == {b"421 bye\r\n"}
        assert here.begun == [ONE] * IN_A_TURN
        with socket.socket() as late:
            assert late.connect_ex(address) != 0
