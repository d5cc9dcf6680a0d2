"""How long a command may still wait for what is known elsewhere: a dead disk or server delays a transaction once."""

import asyncio
from collections.abc import Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, TypeVar

from detector.ports import Temporary

T = TypeVar("T")

PATIENCE = 0.2
"""Seconds, where none are configured."""


class TimeLeft:
    """Of `patience` seconds for all questions of a command; who has used them up gets only what is known at once."""

    __slots__ = ("_in_vain", "_left", "_patience")

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = self._left = patience
        self._in_vain = False

    def renew(self) -> None:
        """For the next command, unless one has waited in vain: a thousand answers are no reason to ask no more."""
        if not self._in_vain:
            self._left = self._patience

    async def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """What it answers, or raises. Raises `Temporary`, too, when the time is up, and ends it."""
        try:
            # Mostly it need not wait: a clock for each question would cost more than the question.
            waits_for = work.send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        loop = asyncio.get_running_loop()
        began = loop.time()
        limit = asyncio.timeout(self._left)
        try:
            async with limit:
                return await _go_on(work, waits_for)
        except TimeoutError as error:
            if not limit.expired():
                raise
            self._in_vain = True
            msg = f"no answer within {self._patience:g} s in all"
            raise Temporary(msg) from error
        finally:
            self._left = 0.0 if self._in_vain else max(0.0, self._left - (loop.time() - began))


@coroutine
def _go_on(work: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    """The rest of what has begun, as `await` would do it."""
    while True:
        try:
            answer = yield waits_for
        except BaseException as error:
            step = partial(work.throw, error)
        else:
            step = partial(work.send, answer)
        try:
            waits_for = step()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
