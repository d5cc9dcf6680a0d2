"""What operators are told that is about no single incident: the circuit breaker, a freeze."""

from collections.abc import Mapping
from datetime import UTC, datetime

from detector import log
from detector.response.patience import Patience
from detector.response.tools import Tools

BREAKER_OPEN = "breaker.open"
BREAKER_WAITING = "breaker.waiting"
FROZEN = "response.frozen"
UNFROZEN = "response.unfrozen"


class Announcements:
    """Nothing in them is personal, so every target may hear all of it."""

    def __init__(self, tools: Tools, patience: Patience) -> None:
        self._tools = tools
        self._patience = patience

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
        event = {"event": kind, "time": time, **words}
        if self._patience.attempt(lambda: target.hook.deliver(dict(event), key), failed) is None:
            return False
        delivered.labels("done").inc()
        return True
