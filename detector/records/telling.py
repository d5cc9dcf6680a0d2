"""Records of what people were told, and of what there is to tell them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from detector.incident.incident import Incident
from detector.records import incidents as rows
from detector.records.database import Database
from detector.records.entries import TimelineEntry
from detector.records.schema import incidents, timeline

CUSTOMER_TOLD = "notify_customer: done"
"""The event of the timeline after which the customer has the notice."""

OPERATORS_TOLD = "notify_operators"
"""The step of the timeline that says what operators heard: it happened to them, not to the incident."""

NEWS = timeline.c.event.not_like(f"{OPERATORS_TOLD}:%")


@dataclass(frozen=True, slots=True)
class Happened:
    """What the timeline of one incident says beyond a certain number, and the incident as it stands now.

    Entries are kept by their numbers, which grow with each entry of any incident.
    """

    incident: Incident
    entries: Mapping[int, TimelineEntry]

    @property
    def number(self) -> int:
        """That of the last entry."""
        return max(self.entries)


class Telling(Database):
    """A part of `Records`."""

    def notices_since(self, account: str, then: float) -> int:
        """How many notices went to the customer of an account since then (Unix seconds)."""
        query = (
            select(func.count())
            .select_from(timeline.join(incidents, timeline.c.incident_id == incidents.c.incident_id))
            .where(incidents.c.account == account, timeline.c.event == CUSTOMER_TOLD, timeline.c.at >= then)
        )
        with self._read("notices_since") as connection:
            return int(connection.execute(query).scalar_one())

    def last_entry(self, incident_id: str, until: float) -> int:
        """The number of an incident's last entry until then (Unix seconds); 0 where there is none."""
        return self._highest(timeline.c.incident_id == incident_id, timeline.c.at <= until)

    def last_entry_before(self, then: float) -> int:
        """The number of the last entry of all before then (Unix seconds); 0 where there is none."""
        return self._highest(timeline.c.at < then)

    def happened_since(self, number: int) -> list[Happened]:
        """What happened to each incident beyond the entry of that number; the incident that came first, first."""
        columns = (timeline.c.at, timeline.c.actor, timeline.c.event, timeline.c.detail)
        query = select(timeline.c.number, timeline.c.incident_id, *columns).where(timeline.c.number > number, NEWS)
        with self._read("happened_since") as connection:
            entries: dict[str, dict[int, TimelineEntry]] = {}
            for entry_number, incident_id, *values in connection.execute(query.order_by(timeline.c.number)):
                entries.setdefault(incident_id, {})[entry_number] = TimelineEntry(*values)
            return [Happened(rows.get(connection, key), told) for key, told in entries.items()]

    def _highest(self, *conditions: ColumnElement[bool]) -> int:
        query = select(func.coalesce(func.max(timeline.c.number), 0)).where(NEWS, *conditions)
        with self._read("last_entry") as connection:
            return int(connection.execute(query).scalar_one())
