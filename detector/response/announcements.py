"""What operators are told that is about no single incident: the circuit breaker, a freeze, our address blocked."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime

from detector import log
from detector.response.hooks import Redaction
from detector.response.patience import Patience
from detector.response.tools import Tools

BREAKER_OPEN = "breaker.open"
BREAKER_WAITING = "breaker.waiting"
FROZEN = "response.frozen"
UNFROZEN = "response.unfrozen"

MOST_KEPT = 100
PERSONAL: Mapping[Redaction, frozenset[str]] = {
    "none": frozenset(),
    "account": frozenset({"accounts"}),
    "account-and-evidence": frozenset({"accounts", "suspicion"}),
}
"""Which of the personal words each redaction lets out."""


class Announcements:
    """Nothing in their words is personal, so every target may hear all of it.

    What is personal is kept in memory only, because a delivery that waits is on disk for months. After a restart an
    announcement is told without it.
    """

    def __init__(self, tools: Tools, patience: Patience) -> None:
        self._tools = tools
        self._patience = patience
        self._personal: OrderedDict[str, Mapping[str, object]] = OrderedDict()

    def remember(self, key: str, personal: Mapping[str, object]) -> None:
        """What else to tell with this key to those who may hear it."""
        self._personal[key] = personal
        if len(self._personal) > MOST_KEPT:
            self._personal.popitem(last=False)

    def deliver(self, name: str, kind: str, words: Mapping[str, object], happened_at: float, key: str) -> bool:
        """Whether the hook has heard it; a hook that is no longer configured hears nothing."""
        target = next((t for t in self._tools.providers.hooks if t.hook.name == name), None)
        if target is None:
            return False
        delivered = self._tools.metrics.hooks

        def failed(problem: str, final: bool) -> None:
            log.hook_failed(name, problem, final)
            delivered.labels("failed" if final else "retried").inc()

        time = datetime.fromtimestamp(happened_at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        allowed = PERSONAL[target.redaction]
        personal = {name: word for name, word in self._personal.get(key, {}).items() if name in allowed}
        event = {"event": kind, "time": time, **words, **personal}
        if self._patience.attempt(lambda: target.hook.deliver(dict(event), key), failed) is None:
            return False
        delivered.labels("done").inc()
        return True
