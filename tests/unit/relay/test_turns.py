"""Sessions of one address wait for each other, those of others do not wait for them."""

import asyncio

from detector.relay.turns import Turns
from tests.support.ports import PATIENCE


async def test_of_each_address_one_goes_on_in_each_turn_of_the_event_loop_and_in_order() -> None:
    turns, happened = Turns(asyncio.get_running_loop()), list[str]()

    async def session(peer: str, name: str) -> None:
        await turns.wait(peer)
        happened.append(name)

    many = [session("192.0.2.1", f"a{number}") for number in range(10)]
    await asyncio.gather(*many, session("192.0.2.2", "b"))
    assert [name for name in happened if name != "b"] == [f"a{number}" for number in range(10)]
    assert happened.index("b") <= 2


async def test_a_session_that_has_ended_keeps_nobody_waiting() -> None:
    turns = Turns(asyncio.get_running_loop())
    waiting = [asyncio.get_running_loop().create_task(turns.wait("192.0.2.1")) for _ in range(3)]
    await asyncio.sleep(0.0)
    waiting[0].cancel()
    waiting[1].cancel()
    waiting.append(asyncio.get_running_loop().create_task(turns.wait("192.0.2.1")))
    _, kept_waiting = await asyncio.wait(waiting, timeout=PATIENCE)
    assert not kept_waiting
