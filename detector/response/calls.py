"""Calls of providers, each in a thread of its own: whoever waits for one that hangs is let go, and the others go on."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TypeVar, cast

from detector.ports import Temporary
from detector.response.patience import Stopping

T = TypeVar("T")


@dataclass(slots=True)
class _Call:
    kind: str
    over: bool = False
    answer: object = None
    error: BaseException | None = None


class Calls:
    """At most `most` calls of a kind at the same time, those that hang included; so threads are bounded.

    Of calls with the same key there is one: whoever tries again while the first still runs waits for that one.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: dict[str, _Call] = {}
        self._changed = Condition()
        self._stopping = False

    def end(self) -> None:
        """Everybody who waits gets `Stopping`."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def call(self, kind: str, key: str, action: Callable[[], T], limit: float) -> T:
        """What `action` returns or raises; `Temporary` when that takes longer than `limit` seconds.

        What would end a program ends only this call, as a `RuntimeError`: the workflow would wait for ever.
        """
        with self._changed:
            self._await(lambda: key in self._calls or self._running(kind) < self._most, limit, self._busy(kind))
            call = self._calls.get(key)
            if call is None:
                call = self._calls[key] = _Call(kind)
                # Not of a pool: the process must be able to end while it hangs.
                Thread(target=self._run, args=(call, action), name=f"call-{kind}", daemon=True).start()
            self._await(lambda: call.over, limit, f"no answer within {limit:g} s")
            self._calls.pop(key, None)
        if isinstance(call.error, Exception):
            raise call.error
        if call.error is not None:
            raise RuntimeError(repr(call.error)) from call.error
        return cast("T", call.answer)

    def forget(self, key: str) -> None:
        """Nobody will ask for this call again. If it still runs, it counts for as long as it does."""
        with self._changed:
            call = self._calls.pop(key, None)
            if call is not None and not call.over:
                self._calls[f"{key} {id(call)}"] = call

    def _run(self, call: _Call, action: Callable[[], object]) -> None:
        try:
            call.answer = action()
        except BaseException as error:  # whatever it is, it belongs to who waits
            call.error = error
        with self._changed:
            call.over = True
            self._changed.notify_all()

    def _running(self, kind: str) -> int:
        return sum(call.kind == kind and not call.over for call in self._calls.values())

    def _busy(self, kind: str) -> str:
        return f"{self._most} calls of before have not been answered yet ({kind})"

    def _await(self, happened: Callable[[], bool], limit: float, problem: str) -> None:
        if not self._changed.wait_for(lambda: self._stopping or happened(), limit):
            raise Temporary(problem)
        if not happened():
            raise Stopping
