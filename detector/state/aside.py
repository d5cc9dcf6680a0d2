"""What may take for ever, such as reading a disk, done by a thread: whoever asks waits for a moment, and no longer."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar

from detector.ports import Temporary

T = TypeVar("T")


class Aside:
    """One thread, that does one thing after the other; it begins with the first, and dies with the process.

    A pool of threads would fill up with those that wait for the same disk, and the process would wait for them to end.
    """

    def __init__(self, name: str, late: Callable[[bool], None], patience: float) -> None:
        """`late` is told True when something takes longer than `patience` seconds, and False when it is done at last.

        The latter in the thread.
        """
        self._problem = f"{name}: no answer within {patience:g} s"
        self._late = late
        self._patience = patience
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._begun = self._stuck = False
        self._done_count = 0

    async def do(self, work: Callable[[], T]) -> T:
        """Raises `Temporary` when it takes too long, and at once while something before it does; and what it raises.

        What takes its time is one thing that does not end. Who waits behind many that do end goes on waiting: on a busy
        machine each of them needs milliseconds to get the interpreter, and that says nothing about the disk.
        """
        return await self.begin(work)

    def begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """As `do`, for a caller who goes on meanwhile."""
        if self._stuck:
            answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            answer.set_exception(Temporary(self._problem))
        else:
            answer = self._line_up(work)
            self._watch(answer)
        return answer

    async def in_any_case(self, work: Callable[[], object]) -> None:
        """As `do`; but behind what does not end it is done, too, once that has ended, only that nobody waits for it."""
        if self._stuck:
            self._line_up(work).cancel()
            raise Temporary(self._problem)
        await self.do(work)

    def _line_up(self, work: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        try:
            self._begin_thread()
        except RuntimeError as error:  # the host has none left for us now; the next one who asks tries it again
            answer.set_exception(Temporary(f"{self._thread.name}: {error}"))
            return answer
        self._waiting.put(lambda: _perform(work, loop, answer))
        return answer

    def _begin_thread(self) -> None:
        if not self._begun:
            self._thread.start()
            self._begun = True

    def _watch(self, answer: asyncio.Future[T]) -> None:
        timer = answer.get_loop().call_later(self._patience, self._look, answer, self._done_count)
        answer.add_done_callback(lambda _: timer.cancel())

    def _look(self, answer: asyncio.Future[T], done_before: int) -> None:
        # Not yet: it may have been our own loop that was late, and the answer is there.
        answer.get_loop().call_soon(self._look_again, answer, done_before)

    def _look_again(self, answer: asyncio.Future[T], done_before: int) -> None:
        if answer.done():
            return
        if self._done_count != done_before:
            self._watch(answer)
            return
        if not self._stuck:
            self._stuck = True
            self._late(True)
        answer.set_exception(Temporary(self._problem))

    def _run(self) -> None:
        while True:
            self._waiting.get()()
            self._done_count += 1
            if self._stuck:
                self._stuck = False
                self._late(False)


def tell_all(listeners: Iterable[asyncio.Future[None]]) -> None:
    """From a thread: it is done. Each in its own event loop, as far as that still runs."""
    for listener in listeners:
        with suppress(RuntimeError):
            listener.get_loop().call_soon_threadsafe(_answer, listener)


def _answer(listener: asyncio.Future[None]) -> None:
    if not listener.done():
        listener.set_result(None)


def _perform(work: Callable[[], T], loop: asyncio.AbstractEventLoop, answer: asyncio.Future[T]) -> None:
    def tell(tell_it: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if answer.done() else tell_it())

    try:
        result = work()
    except Exception as error:  # for whoever asked
        problem = error
        tell(lambda: answer.set_exception(problem))
    else:
        tell(lambda: answer.set_result(result))
