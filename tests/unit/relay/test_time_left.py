"""Questions of one transaction share the time that it may wait."""

import asyncio

import pytest

from detector.ports import Temporary
from detector.relay.time_left import TimeLeft
from tests.support.ports import PATIENCE


async def at_once(answer: int) -> int:
    return answer


async def never() -> int:
    await asyncio.get_running_loop().create_future()
    return 0


async def test_what_is_known_at_once_is_answered_also_when_no_time_is_left() -> None:
    assert await TimeLeft(0.0).wait(at_once(7)) == 7


async def test_who_waits_for_an_answer_gets_it() -> None:
    async def asked() -> int:
        for _ in range(3):
            await asyncio.sleep(0.0)
        loop = asyncio.get_running_loop()
        later = loop.create_future()
        loop.call_soon(later.set_result, 7)
        return int(await later)

    assert await TimeLeft(60.0).wait(asked()) == 7


async def test_an_answer_that_never_comes_is_given_up_and_so_is_the_next_question_at_once() -> None:
    time_left = TimeLeft(0.01)
    with pytest.raises(Temporary, match=r"no answer within 0.01 s in all"):
        await time_left.wait(never())
    async with asyncio.timeout(PATIENCE):
        for _ in range(1000):
            with pytest.raises(Temporary):
                await time_left.wait(never())
    assert await time_left.wait(at_once(7)) == 7


@pytest.mark.parametrize("later", [False, True])
async def test_what_a_question_raises_is_raised(later: bool) -> None:
    async def asked() -> None:
        if later:
            await asyncio.sleep(0.0)
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await TimeLeft(60.0).wait(asked())


async def test_a_question_can_tidy_up_when_its_time_is_up_or_its_transaction_ends() -> None:
    tidied: list[str] = []

    async def asked(name: str) -> None:
        try:
            await never()
        finally:
            await asyncio.sleep(0.0)
            tidied.append(name)

    with pytest.raises(Temporary):
        await TimeLeft(0.01).wait(asked("late"))
    ended = asyncio.get_running_loop().create_task(TimeLeft(60.0).wait(asked("ended")))
    await asyncio.sleep(0.0)
    ended.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ended
    assert tidied == ["late", "ended"]


async def test_a_question_may_have_a_time_of_its_own_that_is_shorter() -> None:
    async def asked() -> int:
        try:
            async with asyncio.timeout(0.01):
                return await never()
        except TimeoutError:
            return 7

    assert await TimeLeft(60.0).wait(asked()) == 7


@pytest.mark.parametrize("renewed", [False, True])
async def test_answers_that_came_do_not_add_up_over_commands(renewed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, passed = asyncio.get_running_loop(), 0.0
    time = loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + passed)

    async def asked() -> int:
        nonlocal passed
        await asyncio.sleep(0.0)
        passed += 40.0
        return 7

    time_left, answers = TimeLeft(60.0), 0
    try:
        for _ in range(5):
            answers += await time_left.wait(asked()) == 7
            if renewed:
                time_left.renew()
    except Temporary:
        pass
    assert answers == (5 if renewed else 2)


async def test_a_command_behind_one_that_has_waited_in_vain_does_not_wait() -> None:
    time_left = TimeLeft(PATIENCE / 100)
    async with asyncio.timeout(PATIENCE):
        for _ in range(1000):
            with pytest.raises(Temporary):
                await time_left.wait(never())
            time_left.renew()
