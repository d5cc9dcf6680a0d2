"""What the containment looks at again and again: errands, people who do not decide, the breaker, a freeze."""

from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf

from detector.incident.incident import State
from detector.records.errands import Errand, Waiting
from detector.records.switches import Switch
from detector.response.announcements import BREAKER_OPEN, BREAKER_WAITING, FROZEN, UNFROZEN
from detector.response.engine import CONTAINMENTS, Engine
from detector.response.permission import HOUR
from detector.response.tools import Tools

AT_ONCE = 10
"""Errands that are begun in one look: a campaign of a thousand accounts must leave the relay some of the processor."""

MANY = 2_000
MONTH = 30 * 86_400.0
DECISIONS_EVERY = 60.0
"""Seconds between two counts of what people decided: days pass before it changes much."""
STATES = (State.OPEN, State.PENDING, State.CONTAINED, State.CONFIRMED)

Announce = Callable[[str, Mapping[str, object], str], None]
"""Tell operators: the kind, the words, and a key under which it is told once."""


class Watch:
    """All that it begins has an id of its own, so several processes that see the same begin it once."""

    def __init__(self, tools: Tools, engine: Engine, announce: Announce) -> None:
        self._tools = tools
        self._engine = engine
        self._announce = announce
        self._begun: set[tuple[int, int]] = set()
        self._reminded: dict[str, tuple[float, int]] = {}
        self._breaker_told: tuple[float, int] | None = None
        self._freeze: Switch | None = None
        self._decisions_at = -inf

    def look(self) -> None:
        """Raises `Temporary`."""
        now = self._tools.clock()
        freeze = self._tools.records.frozen(now)
        self._tell_freeze(freeze)
        self._begin(self._tools.records.errands(MANY), frozen=freeze is not None)
        unresolved = self._tools.records.unresolved()
        self._count(unresolved, now)
        self._remind(unresolved, now)
        self._look_at_breaker([i for i in unresolved if i.trusted], now)

    def begin_again(self) -> None:
        """Begin all errands that are there: what runs is not begun twice, and what was lost is begun anew."""
        self._begun.clear()

    # -- errands --

    def _begin(self, errands: Collection[Errand], frozen: bool) -> None:
        self._begun &= {(errand.number, errand.run) for errand in errands}
        new = [e for e in errands if (e.number, e.run) not in self._begun and not (frozen and e.run > 0)]
        for errand in new[:AT_ONCE]:
            workflow_id = f"{errand.incident_id}.{errand.event}.{errand.number}.{errand.run}"
            arguments = (errand.number, errand.run, errand.incident_id, [step.value for step in errand.steps])
            self._engine.enqueue(CONTAINMENTS, "carry_out", workflow_id, *arguments)
            self._begun.add((errand.number, errand.run))

    # -- people who do not decide --

    def _remind(self, unresolved: Sequence[Waiting], now: float) -> None:
        """Who waits for the breaker is told together, not one by one."""
        times = self._tools.settings.escalation
        after = {State.CONTAINED: times.after, State.PENDING: times.pending_after}
        waiting = {i.incident_id: i for i in unresolved if i.state is State.CONTAINED or _is_asked_alone(i)}
        self._reminded = {name: told for name, told in self._reminded.items() if name in waiting}
        for incident in waiting.values():
            count = reminders(now - incident.since, after[incident.state])
            if count and self._reminded.get(incident.incident_id) != (incident.since, count):
                workflow_id = f"{incident.incident_id}.{incident.state}.{incident.since:.0f}.{count}"
                words = f"nobody has decided for {now - incident.since:.0f} s"
                arguments = (incident.incident_id, incident.since, count, words)
                self._engine.enqueue(CONTAINMENTS, "remind", workflow_id, *arguments)
                self._reminded[incident.incident_id] = incident.since, count

    # -- the breaker --

    def _look_at_breaker(self, trusted: Sequence[Waiting], now: float) -> None:
        records, settings = self._tools.records, self._tools.settings
        stopped = [incident for incident in trusted if incident.state is State.PENDING]
        self._tools.metrics.breaker_open.set(len(stopped) > 0)
        breaker = records.breaker()
        if breaker is None:
            return
        if not stopped:
            records.close_breaker()
            return
        if settings.breaker_resumes:
            # Those under way may not have taken their place in the hour yet.
            taken = records.password_changes_since(now - HOUR) + sum(i.state is State.OPEN for i in trusted)
            if taken < settings.password_changes_per_hour:
                room = settings.password_changes_per_hour - taken
                records.approve_waiting(now, "detector", "the hour has room again", room)
        count = reminders(now - breaker.since, settings.escalation.pending_after)
        if self._breaker_told != (breaker.since, count):
            self._breaker_told = breaker.since, count
            words = {"reason": breaker.reason, "waiting": len(stopped), "count": count}
            kind = BREAKER_WAITING if count else BREAKER_OPEN
            self._announce(kind, words, f"{kind}.{breaker.since:.3f}.{count}")

    # -- a freeze --

    def _tell_freeze(self, freeze: Switch | None) -> None:
        self._tools.metrics.response_frozen.set(freeze is not None)
        before, self._freeze = self._freeze, freeze
        if freeze is not None and freeze != before:
            words = {"actor": freeze.actor, "reason": freeze.reason, "until": freeze.until}
            self._announce(FROZEN, words, f"frozen.{freeze.since:.3f}")
        if freeze is None and before is not None:
            self._announce(UNFROZEN, {}, f"unfrozen.{before.since:.3f}")

    # -- for the metrics --

    def _count(self, unresolved: Sequence[Waiting], now: float) -> None:
        metrics = self._tools.metrics
        for state in STATES:
            since = [incident.since for incident in unresolved if incident.state is state]
            metrics.incidents.labels(state.value).set(len(since))
            metrics.incident_oldest.labels(state.value).set(max(0.0, now - min(since)) if since else 0.0)
        if not 0.0 <= now - self._decisions_at < DECISIONS_EVERY:  # below 0 only by a clock that was put back
            self._decisions_at = now
            made = self._tools.records.decided_of(now - MONTH)
            metrics.incidents_decided.labels("confirmed").set(made.confirmed)
            metrics.incidents_decided.labels("dismissed").set(made.dismissed)


def reminders(waited: float, after: Sequence[float]) -> int:
    """How often operators have been told again after `waited` seconds; the last of the times is repeated.

    >>> [reminders(waited, (60.0, 300.0)) for waited in (59.0, 60.0, 300.0, 599.0, 600.0)]
    [0, 1, 2, 2, 3]
    """
    passed = sum(waited >= time for time in after)
    if not after or passed < len(after):
        return passed
    return passed + int((waited - after[-1]) // after[-1])


def _is_asked_alone(incident: Waiting) -> bool:
    return incident.state is State.PENDING and not incident.trusted
