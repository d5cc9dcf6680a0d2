"""Messages that come at the same moment go through a stage one after the other, and nobody waits for ever."""

import asyncio
from collections.abc import Awaitable, Callable

from detector.relay.together import MOST, Together
from tests.support.ports import PATIENCE


async def _stages(together: Together, name: str, happened: list[str]) -> None:
    await together.gather()
    happened.append(f"read {name}")
    await asyncio.sleep(0.0)
    happened.append(f"judged {name}")


async def test_all_that_come_together_are_read_before_the_first_is_judged() -> None:
    together, happened = Together(), list[str]()
    await asyncio.gather(*[_stages(together, name, happened) for name in "abc"])
    assert happened == ["read a", "read b", "read c", "judged a", "judged b", "judged c"]


async def test_one_who_comes_in_the_next_turn_belongs_to_them() -> None:
    together, happened = Together(), list[str]()

    async def late() -> None:
        await asyncio.sleep(0.0)
        await _stages(together, "b", happened)

    await asyncio.gather(_stages(together, "a", happened), late())
    assert happened == ["read a", "read b", "judged a", "judged b"]


async def test_who_is_alone_goes_on_and_so_does_the_next_one() -> None:
    together, happened = Together(), list[str]()
    await _stages(together, "a", happened)
    await _stages(together, "b", happened)
    assert happened == ["read a", "judged a", "read b", "judged b"]


async def _crowd(together: Together, come: Callable[[], Awaitable[None] | None]) -> int:
    """How many had come, one in each turn without end, when the first went on."""
    first, come_so_far = asyncio.get_running_loop().create_task(together.gather()), 0
    waiting = list[Awaitable[None]]()
    await asyncio.sleep(0.0)
    while not first.done():
        come_so_far += 1
        if (another := come()) is not None:
            waiting.append(asyncio.ensure_future(another))
        await asyncio.sleep(0.0)
    await asyncio.gather(*waiting)
    return come_so_far


async def test_though_others_come_without_end_nobody_waits_for_more_than_there_is_room_for() -> None:
    together = Together()
    assert 1 < await _crowd(together, together.gather) <= 2 * MOST


async def test_those_who_do_not_wait_count_all_the_same() -> None:
    together = Together()
    assert 1 < await _crowd(together, together.come) <= 2 * MOST


async def test_one_whose_session_has_ended_keeps_nobody_waiting() -> None:
    together = Together()
    tasks = [asyncio.get_running_loop().create_task(together.gather()) for _ in range(3)]
    await asyncio.sleep(0.0)
    tasks[0].cancel()
    ended, kept_waiting = await asyncio.wait(tasks, timeout=PATIENCE)
    assert not kept_waiting
    assert [task.cancelled() for task in tasks] == [True, False, False]
    assert ended == set(tasks)
