"""Which processes live that share the work, and who takes over that of a dead one."""

from detector import log
from detector.records.records import Records
from detector.response.engine import Engine

BEAT_EVERY = 3.0
MISSED_BEATS = 5
"""A process that was not heard for so many of our own beats is dead: its work is taken over after 15 to 30 seconds.

Counted and not timed, because the clocks of two hosts are two clocks.
"""


class Living:
    """Heartbeats in the records. Nobody is asked for a vote: work that is taken over twice is done once."""

    def __init__(self, records: Records, engine: Engine, executor_id: str) -> None:
        self._records = records
        self._engine = engine
        self._executor_id = executor_id
        self._heard: dict[str, tuple[int, int]] = {}
        self._looked_at = 0.0

    def beat(self) -> None:
        """Tell that we live; call it before anything is begun. Raises `Temporary`, as all methods."""
        self._records.beat(self._executor_id)

    def is_due(self, now: float) -> bool:
        # A clock that steps backwards must not silence us.
        return abs(now - self._looked_at) >= BEAT_EVERY

    def look(self, now: float) -> None:
        """Tell that we live, and take over from those who do not."""
        self._looked_at = now
        self.beat()
        beats = self._records.beats()
        self._heard = {name: self._again(name, beat) for name, beat in beats.items()}
        silent = {name for name, (_, missed) in self._heard.items() if missed >= MISSED_BEATS}
        dead = silent | (self._engine.at_work() - beats.keys())  # who ends in order says goodbye
        dead.discard(self._executor_id)
        if dead:
            self._engine.take_over(dead)
        for name in dead:
            self._records.bury(name)
            self._heard.pop(name, None)
            log.work_taken_over(name)

    def names(self) -> set[str]:
        return set(self._records.beats())

    def end(self) -> None:
        """We do nothing any more; the others need not wait."""
        self._records.bury(self._executor_id)

    def _again(self, name: str, beat: int) -> tuple[int, int]:
        last, missed = self._heard.get(name, (beat - 1, 0))
        return beat, 0 if beat != last else missed + 1
