"""Work that takes for ever keeps nobody waiting, and when it ends everything goes on."""

import asyncio
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from detector.ports import Temporary
from detector.state.aside import Aside
from tests.support.ports import PATIENCE, wait_for


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Work waits for it, as for a disk."""
    gate = threading.Event()
    yield gate
    gate.set()


def never_late(late: bool) -> None:
    pytest.fail(f"late: {late}")


async def test_an_answer_comes_back() -> None:
    assert await Aside("work", never_late, patience=60.0).do(lambda: 7) == 7


async def test_an_error_comes_back() -> None:
    def work() -> None:
        raise Temporary("not now")

    with pytest.raises(Temporary, match="not now"):
        await Aside("work", never_late, patience=60.0).do(work)


async def test_many_at_a_time_get_their_own_answers() -> None:
    aside = Aside("work", never_late, patience=60.0)
    numbers = range(100)
    assert await asyncio.gather(*(aside.do(partial(abs, number)) for number in numbers)) == list(numbers)


async def test_whoever_waits_behind_many_that_end_is_not_told_that_the_disk_does_not_answer(
    gate: threading.Event,
) -> None:
    aside = Aside("work", never_late, patience=1.0)
    each_ends = [aside.do(partial(gate.wait, 0.02)) for _ in range(75)]
    assert await asyncio.gather(*each_ends) == [False] * 75


async def test_whoever_waits_too_long_goes_on_without_and_those_behind_do_not_wait_at_all(
    gate: threading.Event,
) -> None:
    late: list[bool] = []
    aside = Aside("reading", late.append, patience=0.01)
    with pytest.raises(Temporary, match=r"reading: no answer within 0.01 s"):
        await aside.do(gate.wait)
    untouched: list[int] = []
    for number in range(1000):
        with pytest.raises(Temporary):
            await aside.do(partial(untouched.append, number))
    assert late == [True]
    assert untouched == []


async def test_all_who_wait_at_that_moment_are_told_and_it_is_said_once(gate: threading.Event) -> None:
    late: list[bool] = []
    aside = Aside("reading", late.append, patience=0.01)
    answers = await asyncio.gather(*(aside.do(gate.wait) for _ in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Temporary}
    assert late == [True]


async def test_when_it_is_done_at_last_everything_goes_on(gate: threading.Event) -> None:
    late: list[bool] = []
    aside = Aside("reading", late.append, patience=0.01)
    with pytest.raises(Temporary):
        await aside.do(gate.wait)
    gate.set()
    await asyncio.to_thread(wait_for, lambda: late == [True, False], "it is done")
    aside._patience = PATIENCE  # on a busy machine the thread may take its time
    assert await aside.do(lambda: 7) == 7
    assert late == [True, False]


async def test_a_caller_that_is_gone_is_told_nothing(gate: threading.Event) -> None:
    aside = Aside("reading", never_late, patience=60.0)
    asked = asyncio.get_running_loop().create_task(aside.do(gate.wait))
    await asyncio.sleep(0.0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    gate.set()
    assert await aside.do(lambda: 7) == 7


async def test_what_must_be_done_in_any_case_is_done_when_its_turn_comes_though_nobody_waits_for_it(
    gate: threading.Event,
) -> None:
    late: list[bool] = []
    aside = Aside("writing", late.append, patience=0.01)
    with pytest.raises(Temporary):
        await aside.do(gate.wait)
    done = threading.Event()
    with pytest.raises(Temporary, match="writing: no answer"):
        await aside.in_any_case(done.set)
    assert not done.is_set()
    gate.set()
    assert await asyncio.to_thread(done.wait, PATIENCE)


async def test_what_must_be_done_in_any_case_is_waited_for_where_nothing_hinders_it() -> None:
    aside, done = Aside("writing", never_late, patience=60.0), threading.Event()
    await aside.in_any_case(done.set)
    assert done.is_set()


async def test_where_the_host_has_no_thread_for_us_it_is_said_at_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_room(_: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    aside = Aside("work", never_late, patience=60.0)
    with monkeypatch.context() as host:
        host.setattr(threading.Thread, "start", no_room)
        for _ in range(2):
            with pytest.raises(Temporary, match="work: can't start new thread"):
                await aside.do(lambda: 7)
    assert await aside.do(lambda: 7) == 7
