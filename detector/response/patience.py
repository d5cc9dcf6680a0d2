"""Tries again what may work later: so often, with doubling waits, and never beyond the end of the process."""

from collections.abc import Callable
from threading import Event
from typing import TypeVar

from detector import log
from detector.config import Retry
from detector.ports import Refused, Temporary

T = TypeVar("T")

LONGEST_WAIT = 60.0
"""Seconds between two attempts to write the records, which must succeed in the end."""


class Stopping(BaseException):
    """The process ends while something waits for its next attempt; the next process goes on with it.

    Not an `Exception`: DBOS would record that as the outcome of the step.
    """


class Patience:
    """How often and how fast a failing step is tried again: `attempts` in all, the first wait, then twice as long.

    No wait is longer than the longest.
    """

    def __init__(self, settings: Retry) -> None:
        self._settings = settings
        self._stop = Event()

    def end(self) -> None:
        """Everybody who waits, or begins to wait from now on, gets `Stopping`."""
        self._stop.set()

    def attempt(self, action: Callable[[], T], failed: Callable[[str, bool], None]) -> T | None:
        """What `action` returns, or None when it is given up: refused, too often tried, or a fault of ours.

        `failed` hears of each failure: the problem in words, and whether it was the last attempt.
        """
        wait = self._settings.first_wait
        for number in range(1, self._settings.attempts + 1):
            final = number == self._settings.attempts
            try:
                return action()
            except Temporary as error:
                failed(str(error), final)
            except Refused as error:
                failed(str(error), True)
                return None
            except Exception as error:
                log.internal_error("containment step", error)
                failed(f"internal error: {type(error).__name__}", True)
                return None
            if not final:
                self._wait(wait)
                wait = min(wait * 2, self._settings.longest_wait)
        return None

    def insist(self, action: Callable[[], T], operation: str) -> T:
        """What `action` returns, however long it takes: for the records, without which nothing can go on."""
        wait = self._settings.first_wait
        while True:
            try:
                return action()
            except Temporary as error:
                log.records_failed(operation, str(error))
            self._wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def pause(self, seconds: float) -> None:
        """Wait, unless the process ends: then `Stopping`."""
        self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopping
