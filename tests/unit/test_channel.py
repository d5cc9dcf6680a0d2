"""The channel between the first process and a worker."""

import asyncio
import socket

import pytest

from detector.channel import (
    Alive,
    Begin,
    Channel,
    Figure,
    Figures,
    Follow,
    FromWorker,
    Held,
    ToWorker,
    from_worker,
    to_worker,
)

MESSAGES: list[ToWorker] = [
    Begin(1, 2, 'hostname = "ä"\nobserve = true\n', "observe = true\n", "/etc/detector.toml", 7),
    Follow("line\nby line\r\n\x00"),
    Held("digest"),
]


async def pair() -> tuple[Channel[FromWorker], Channel[ToWorker]]:
    one, other = socket.socketpair()
    return await Channel.open(one, from_worker), await Channel.open(other, to_worker)


async def test_what_is_said_is_heard_in_its_order_and_word_for_word() -> None:
    first, worker = await pair()
    for message in MESSAGES:
        first.send(message)
    assert [await worker.receive() for _ in MESSAGES] == MESSAGES
    page = {"family": [Figure("f_total", {"reason": "a b"}, float(number), ({}, 0.1, None)) for number in range(5000)]}
    worker.send(Figures(page))
    worker.send(Alive())
    assert await first.receive() == Figures(page)
    assert await first.receive() == Alive()
    first.close()
    assert await worker.receive() is None
    worker.close()


async def test_the_end_in_the_middle_of_a_line_is_the_end() -> None:
    one, other = socket.socketpair()
    channel = await Channel.open(other, to_worker)
    one.sendall(b'{"type":"Held","dig')
    one.close()
    assert await channel.receive() is None
    channel.close()


async def test_who_speaks_to_nobody_does_not_fall_over() -> None:
    first, worker = await pair()
    worker.close()
    await asyncio.sleep(0)
    for _ in range(20):
        first.send(Held("digest"))
        await asyncio.sleep(0)
    assert await first.receive() is None
    first.close()


@pytest.mark.parametrize("line", [b"{}\n", b'{"type":"Else"}\n', b"no json\n"])
async def test_what_is_no_message_is_a_fault(line: bytes) -> None:
    one, other = socket.socketpair()
    channel = await Channel.open(other, to_worker)
    one.sendall(line)
    with pytest.raises(ValueError, match=r"."):
        await channel.receive()
    channel.close()
    one.close()
