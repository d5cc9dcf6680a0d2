"""When a campaign opens fifty incidents at once: what is told at once, and what waits to be told together."""

from dataclasses import dataclass
from threading import Lock

REMEMBERED = 1000
"""Incidents that were told by themselves; to forget them means at worst to tell one again."""


@dataclass(frozen=True, slots=True)
class TellNow:
    """Tell this event at once; with all that happened lately if this process has told nothing so far."""

    looks_back: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Pause so many seconds, then ask `Gathering.collect` and tell all that happened by then."""

    seconds: float


class Told:
    """Nothing to do: it is in a summary that was told, or in one that somebody else waits for."""


Turn = TellNow | Wait | Told


class Gathering:
    """The events of one hook, which arrive in several threads. Time is an argument; entries are numbers of timelines.

    The first event is told at once. Those of other incidents that arrive within `wait` seconds are gathered: the first
    of them waits, and then tells of all that the records say since `wait` before it. So nothing has to be remembered
    for the summary: an event whose process dies while it waits is delivered again by the next one, which looks at the
    same time of the records. So everything is told at least once; what is remembered keeps most from being told twice.
    """

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._lock = Lock()
        self._leader = ""
        self._quiet_until: float | None = None
        self._begins: int | None = None
        self._covered = range(0)
        self._told: dict[str, int] = {}

    def arrive(self, incident_id: str, entry: int, now: float) -> Turn:
        """What to do about an event of an incident, of which the timeline tells in `entry`."""
        with self._lock:
            if entry in self._covered:
                return Told()
            if self._quiet_until is None:
                self._open(incident_id, now)
                return TellNow(looks_back=True)
            if now >= self._quiet_until and self._begins is None:
                self._open(incident_id, now)
                return TellNow()
            if incident_id == self._leader:
                return TellNow()
            if self._begins is not None:
                self._begins = min(self._begins, entry)
                return Told()
            self._begins = entry
            return Wait(min(self._wait, self._quiet_until - now))  # a clock may step back

    def collect(self, now: float) -> int:
        """The first entry of what is gathered. What arrives from now on is gathered for the next summary."""
        with self._lock:
            begins = self._begins or 0
            self._begins = None
            self._leader = ""
            self._quiet_until = now + self._wait
            return begins

    def told(self, incident_id: str, entry: int) -> None:
        """The incident was told by itself, as it was at this entry."""
        with self._lock:
            self._told[incident_id] = max(entry, self._told.get(incident_id, 0))

    def told_all(self, first: int, last: int) -> None:
        """A summary of everything between these entries was told."""
        with self._lock:
            goes_on = self._covered.start <= first <= self._covered.stop
            self._covered = range(self._covered.start if goes_on else first, last + 1)

    def is_told(self, incident_id: str, entry: int) -> bool:
        with self._lock:
            return entry in self._covered or entry <= self._told.get(incident_id, 0)

    def _open(self, incident_id: str, now: float) -> None:
        self._leader = incident_id
        self._quiet_until = now + self._wait
        if len(self._told) > REMEMBERED:
            self._told = {}
