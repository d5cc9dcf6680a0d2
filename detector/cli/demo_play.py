"""Who sends when: each customer in a thread, the thief in another, and one that tries deferred mail again."""

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from detector.cli.demo_submission import Submission
from detector.cli.demo_world import CUSTOMERS, Customer, Thief

TRY_AGAIN_EVERY = 0.5


class Play:
    """A context manager: leaving it sends everybody home.

    `numbers` says for each account how many messages it has written in its life.
    """

    def __init__(self, submission: Submission, numbers: Mapping[str, int]) -> None:
        self._submission = submission
        self._numbers = numbers
        self._everybody_home = threading.Event()
        self._queue_closed = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for place, customer in enumerate(CUSTOMERS):
            self._start(self._customer, customer, (place + 1) / (len(CUSTOMERS) + 1))
        self._start(self._queue_runner)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.send_everybody_home()
        self._queue_closed.set()
        for thread in self._threads:
            thread.join()

    def let_the_thief_in(self, thief: Thief) -> None:
        self._start(self._thief, thief)

    def send_everybody_home(self) -> None:
        """Nobody writes any more; what waits in the queue is still tried."""
        self._everybody_home.set()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _customer(self, customer: Customer, offset: float) -> None:
        number = self._numbers[customer.account]
        wait = customer.every * offset  # so that they do not all write at the same moment
        while not self._everybody_home.wait(wait):
            self._submission.submit(customer.letter(number))
            number += 1
            wait = customer.every

    def _thief(self, thief: Thief) -> None:
        for letter in thief.letters():
            self._submission.submit(letter)
            if self._everybody_home.wait(thief.every):
                return

    def _queue_runner(self) -> None:
        while not self._queue_closed.wait(TRY_AGAIN_EVERY):
            self._submission.try_again()
