"""What is written in a crowded turn is sent together, in order, and never after the end of a connection."""

import asyncio
from typing import cast

from detector.relay.outbox import MOST, SMALL_BYTES, Outbox


class Transport:
    """Notes what is sent, with its own name, where all that are sent to can be seen."""

    def __init__(self, name: str, sent: list[tuple[str, bytes]]) -> None:
        self._name = name
        self._sent = sent
        self._closing = False

    def write(self, octets: bytes) -> None:
        self._sent.append((self._name, octets))

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    def get_write_buffer_size(self) -> int:
        return 0


class World:
    """Two connections and the outbox, after a crowded turn."""

    def __init__(self) -> None:
        self.outbox = Outbox(asyncio.get_running_loop())
        self.sent = list[tuple[str, bytes]]()
        self.first, self.second = Transport("first", self.sent), Transport("second", self.sent)

    def write(self, transport: Transport, octets: bytes) -> None:
        self.outbox.write(cast("asyncio.Transport", transport), octets)

    def send(self, transport: Transport) -> None:
        self.outbox.send(cast("asyncio.Transport", transport))

    def unsent_bytes(self, transport: Transport) -> int:
        return self.outbox.unsent_bytes(cast("asyncio.Transport", transport))


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def crowded() -> World:
    world = World()
    world.write(world.first, b"a")
    world.write(world.second, b"b")
    await turns(1)
    world.sent.clear()
    return world


async def test_who_is_alone_does_not_wait() -> None:
    world = World()
    for number in range(3):
        world.write(world.first, b"%d" % number)
        assert world.sent[-1] == ("first", b"%d" % number)
        await turns(1)


async def test_after_a_crowded_turn_what_is_written_goes_together_and_in_order() -> None:
    world = await crowded()
    written = [(world.first, b"1"), (world.second, b"2"), (world.first, b"3")]
    for transport, octets in written:
        world.write(transport, octets)
    assert not world.sent
    assert (world.unsent_bytes(world.first), world.unsent_bytes(world.second)) == (2, 1)
    await turns(2)
    assert world.sent == [("first", b"1"), ("second", b"2"), ("first", b"3")]
    assert world.unsent_bytes(world.first) == 0


async def test_when_the_crowd_has_gone_nobody_waits_any_more() -> None:
    world = await crowded()
    world.write(world.first, b"1")
    await turns(2)
    world.write(world.first, b"2")
    assert world.sent == [("first", b"1"), ("first", b"2")]


async def test_much_is_sent_at_once_but_not_before_what_was_written_earlier() -> None:
    world, much = await crowded(), bytes(SMALL_BYTES + 1)
    world.write(world.first, b"little")
    world.write(world.first, much)
    assert world.sent == [("first", b"little"), ("first", much)]


async def test_no_more_than_so_many_wait() -> None:
    world = await crowded()
    for _ in range(MOST - 1):
        world.write(world.first, b"x")
    assert not world.sent
    world.write(world.second, b"y")
    assert len(world.sent) == MOST


async def test_nothing_is_written_to_a_connection_that_has_ended() -> None:
    world = await crowded()
    world.write(world.first, b"1")
    world.write(world.second, b"2")
    world.first.close()
    await turns(2)
    assert world.sent == [("second", b"2")]


async def test_before_a_connection_is_closed_it_can_be_sent_all_that_waits_for_it_while_others_wait_on() -> None:
    world = await crowded()
    for transport, octets in [(world.first, b"250 ok"), (world.second, b"354 go"), (world.first, b"221 bye")]:
        world.write(transport, octets)
    world.send(world.first)
    world.first.close()
    assert world.sent == [("first", b"250 ok"), ("first", b"221 bye")]
    await turns(2)
    assert world.sent[2:] == [("second", b"354 go")]


async def test_a_connection_that_has_ended_is_sent_nothing_before_it_is_closed_again() -> None:
    world = await crowded()
    world.write(world.first, b"1")
    world.first.close()
    world.send(world.first)
    await turns(2)
    assert not world.sent
