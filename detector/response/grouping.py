"""Decides for each hook whether an event is told by itself, in a summary, or not again."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from detector.records.telling import Happened
from detector.response.gathering import Gathering, TellNow, Told, Wait
from detector.response.hooks import Target
from detector.response.patience import Patience
from detector.response.summary import news_of
from detector.response.tools import Tools


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be told: the event of `entry` alone, or, if there is more, a summary of `happened` since `begins`."""

    entry: int
    begins: int = 0
    happened: Sequence[Happened] = ()


class Groups:
    """One `Gathering` for each hook. What is in a summary comes from the records."""

    def __init__(self, tools: Tools, patience: Patience) -> None:
        self._tools = tools
        self._patience = patience
        self._gatherings: dict[str, Gathering] = {}
        self._lock = Lock()

    def turn(self, target: Target, incident_id: str, happened_at: float) -> Turn | None:
        """What to tell because of an event; None when it is told with others. May wait as long as the hook gathers.

        Raises `Stopping` when the process ends meanwhile.
        """
        if not target.group_wait:
            return Turn(0)
        gathering, records = self._of(target), self._tools.records
        entry = self._patience.insist(lambda: records.last_entry(incident_id, happened_at), "last_entry")
        turn = gathering.arrive(incident_id, entry, self._tools.clock())
        if isinstance(turn, Told):
            return None
        if isinstance(turn, TellNow) and not turn.looks_back:
            return Turn(entry)
        then = happened_at - target.group_wait
        begins = self._patience.insist(lambda: records.last_entry_before(then), "last_entry") + 1
        if isinstance(turn, Wait):
            self._patience.pause(turn.seconds)
            begins = min(begins, gathering.collect(self._tools.clock()))
        happened = self._patience.insist(lambda: records.happened_since(begins - 1), "happened_since")
        news = [
            one
            for one in happened
            if (entries := news_of(one)) and not gathering.is_told(one.incident.incident_id, max(entries))
        ]
        alone = all(one.incident.incident_id == incident_id for one in news)
        return Turn(entry) if alone else Turn(entry, begins, news)

    def told(self, target: Target, incident_id: str, turn: Turn) -> None:
        """What the turn asked for was told."""
        if not target.group_wait:
            return
        if turn.happened:
            self._of(target).told_all(turn.begins, max(one.number for one in turn.happened))
        else:
            self._of(target).told(incident_id, turn.entry)

    def _of(self, target: Target) -> Gathering:
        with self._lock:
            return self._gatherings.setdefault(target.hook.name, Gathering(target.group_wait))
