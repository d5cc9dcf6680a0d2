"""How much is held, of each account and in all: for the limits, and for the metrics."""

from collections import Counter
from collections.abc import Iterable

from detector.config import Hold
from detector.metrics import Metrics
from detector.records.held_entries import UNDECIDED, HeldState, HeldUse


class Use:
    """Counts what the records told last, and what came since. A few messages under way at once may be missed."""

    def __init__(self, settings: Hold, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._messages: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        metrics.held_limit_messages.set(settings.messages)
        metrics.held_limit_bytes.set(settings.bytes)

    def replace(self, found: Iterable[HeldUse], now: float) -> None:
        """Take over what the records say."""
        found = list(found)
        self._messages, self._bytes = Counter(), Counter()
        for one in found:
            self._messages[one.account] += one.messages
            self._bytes[one.account] += one.size_bytes
        self._show(found, now)

    def add(self, account: str, messages: int, size_bytes: int) -> None:
        """Negative numbers give back."""
        self._messages[account] += messages
        self._bytes[account] += size_bytes

    def limit_reached(self, account: str, size_bytes: int) -> str:
        """The name of the limit that such a message would go beyond; empty if none."""
        settings = self._settings
        if self._messages.total() >= settings.messages or self._bytes.total() + size_bytes > settings.bytes:
            return "limit"
        too_many = self._messages[account] >= settings.messages_per_account
        return "limit_of_account" if too_many or self._bytes[account] + size_bytes > settings.bytes_per_account else ""

    def _show(self, found: list[HeldUse], now: float) -> None:
        for state in HeldState:
            some = [one for one in found if one.state is state]
            self._metrics.held_messages.labels(state).set(sum(one.messages for one in some))
        self._metrics.held_bytes.set(sum(one.size_bytes for one in found))
        since = [one.oldest for one in found if one.state in UNDECIDED]
        self._metrics.held_oldest.set(max(0.0, now - min(since)) if since else 0.0)
