"""Held messages of a replay, in the order in which they came, and when to look at them again."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from detector.mail.transaction import Transaction
from detector.verdict.hold import Held


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message and why it waits."""

    transaction: Transaction
    held: Held


@dataclass(slots=True)
class Spool:
    """Grows with what is held; a replay is as long as its record."""

    _accounts: dict[str, deque[Waiting]] = field(default_factory=dict)
    _looks: dict[str, float] = field(default_factory=dict)
    _soonest: float = inf

    def put(self, account: str, transaction: Transaction, held: Held) -> None:
        self._accounts.setdefault(account, deque()).append(Waiting(transaction, held))

    def look_at(self, account: str, time: float) -> None:
        """Something may have changed for the account at `time` (Unix seconds), if anything of it is held."""
        if account in self._accounts:
            self._looks[account] = min(time, self._looks.get(account, inf))
            self._soonest = min(self._soonest, time)

    def due(self, now: float) -> Iterator[str]:
        """The accounts that should be looked at by now, each once."""
        if now < self._soonest:
            return
        due = [account for account, time in self._looks.items() if time <= now]
        for account in due:
            del self._looks[account]
        self._soonest = min(self._looks.values(), default=inf)
        yield from due

    def first(self, account: str) -> Waiting | None:
        waiting = self._accounts.get(account)
        return waiting[0] if waiting else None

    def take(self, account: str) -> None:
        """Remove the first message of the account."""
        self._accounts[account].popleft()
        if not self._accounts[account]:
            del self._accounts[account]
            self._looks.pop(account, None)
